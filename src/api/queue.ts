import type { AdmissionState } from "../admission/admission.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import { importSummary } from "./import-view.ts";
import { limitParam, wholeParam } from "./query.ts";
import { sendJson } from "./reply.ts";
import type { ApiRequest, Route } from "./route.ts";

export interface QueueDeps {
  readonly catalog: Catalog;
  readonly queue: ImportQueue;
  readonly admission: { readonly state: AdmissionState };
}

/** The calls that show the queue in its order of service, and pause all of it. */
export function queueRoutes(deps: QueueDeps): readonly Route[] {
  const { queue } = deps;
  const path = "/api/v1/queue";
  const then = (act: () => void): Route["handle"] => {
    return ({ res }) => {
      act();
      sendJson(res, queueState(deps));
    };
  };
  return [
    { method: "GET", path, access: "required", handle: (request) => show(deps, request) },
    { method: "POST", path: `${path}/pause`, access: "required", handle: then(() => queue.pauseAll()) },
    { method: "POST", path: `${path}/resume`, access: "required", handle: then(() => queue.resumeAll()) },
  ];
}

/** How many imports there are in each state, whether all of them wait for somebody, and what holds them back. */
export function queueState({ catalog, queue, admission }: QueueDeps) {
  return { isPaused: queue.isPaused, counts: catalog.jobs.counts(), words: admission.state.words };
}

function show(deps: QueueDeps, { res, query }: ApiRequest): void {
  const { jobs } = deps.catalog;
  const skip = wholeParam(query, "skip") ?? 0;
  const imports = jobs.queue({ skip, limit: limitParam(query) }).map((job, index) => ({
    ...importSummary(job),
    position: skip + index,
    timeLeftMs: deps.queue.timeLeftMs(job, skip + index) ?? null,
  }));
  sendJson(res, { ...queueState(deps), imports });
}
