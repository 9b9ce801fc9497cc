import { RequestError } from "../base/errors.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Job, JobStore } from "../catalog/jobs.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import { badRequest } from "./errors.ts";
import { importWithPlace } from "./import-view.ts";
import { priorityParam } from "./import-wish.ts";
import { textParam, wholeParam } from "./query.ts";
import { sendJson } from "./reply.ts";
import type { ApiRequest, Route } from "./route.ts";

interface ActionDeps {
  readonly catalog: Pick<Catalog, "jobs">;
  readonly queue: ImportQueue;
}

/** What is done to one import; answers how it stands afterwards. */
type Action = (queue: ImportQueue, job: Job, query: URLSearchParams) => Job | undefined;

const ACTIONS: Readonly<Record<string, Action>> = {
  pause: (queue, { id }) => queue.pause(id),
  resume: (queue, { id }) => queue.resume(id),
  cancel: (queue, { id }) => queue.cancel(id),
  retry(queue, { id }, query) {
    const password = textParam(query, "password");
    return password === undefined ? queue.retry(id) : queue.retry(id, [password]);
  },
  archive(queue, { id, state }) {
    if (queue.archive(id)) return undefined;
    throw new RequestError("CONFLICT", `the import is ${state}: only what has ended can be archived`);
  },
  priority: (queue, { id }, query) => queue.setPriority(id, priorityParam(query, "value") ?? missing("value")),
  category: (queue, { id }, query) => queue.setCategory(id, textParam(query, "value") ?? missing("value")),
  move: (queue, { id }, query) => queue.moveTo(id, wholeParam(query, "position") ?? missing("position")),
};

/** The calls that change one import of the queue or of the history. */
export function importActionRoutes(deps: ActionDeps): readonly Route[] {
  const { catalog, queue } = deps;
  return [
    {
      method: "DELETE",
      path: "/api/v1/imports/{id}",
      access: "required",
      handle({ res, params }) {
        const { id } = jobOf(catalog.jobs, params);
        queue.remove(id);
        sendJson(res, { id });
      },
    },
    ...Object.entries(ACTIONS).map(
      ([name, act]): Route => ({
        method: "POST",
        path: `/api/v1/imports/{id}/${name}`,
        access: "required",
        handle({ res, params, query }) {
          const job = jobOf(catalog.jobs, params);
          const changed = act(queue, job, query) ?? jobOf(catalog.jobs, params);
          sendJson(res, importWithPlace(changed, { jobs: catalog.jobs, queue }));
        },
      }),
    ),
  ];
}

/** The import that `{id}` of a path names. Throws NOT_FOUND. */
export function jobOf(jobs: Pick<JobStore, "get">, params: ApiRequest["params"]): Job {
  const job = jobs.get(params["id"] ?? "");
  if (job === undefined) throw new RequestError("NOT_FOUND", "there is no import with this id");
  return job;
}

function missing(name: string): never {
  throw badRequest(`${name} is missing`);
}
