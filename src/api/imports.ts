import type { Logger } from "../base/logger.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { JobState } from "../catalog/jobs.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import type { BundleResult, Intake, Submitted } from "../import/intake.ts";
import { uploads } from "../import/upload.ts";
import { apiErrorAnswer, badRequest } from "./errors.ts";
import { jobOf } from "./import-actions.ts";
import { importSummary, importWithPlace } from "./import-view.ts";
import { importWish } from "./import-wish.ts";
import { davPath, limitParam, textParam } from "./query.ts";
import { discardBody, sendJson } from "./reply.ts";
import type { ApiRequest, Route } from "./route.ts";

const STATES: readonly JobState[] = ["queued", "waiting", "importing", "completed", "failed", "paused", "cancelled"];

interface ImportDeps {
  readonly intake: Intake;
  readonly catalog: Catalog;
  readonly queue: ImportQueue;
  readonly log: Logger;
}

/** The calls that take NZBs and tell what became of them. */
export function importRoutes(deps: ImportDeps): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/api/v1/imports",
      access: "required",
      takesUpload: true,
      handle: (request) => (request.query.has("url") ? takeUrl(deps, request) : takeAll(deps, request)),
    },
    { method: "GET", path: "/api/v1/imports", access: "required", handle: (request) => list(deps, request) },
    { method: "GET", path: "/api/v1/imports/{id}", access: "required", handle: (request) => show(deps, request) },
  ];
}

/** What became of one NZB: a status of its own, and what is said about it. */
interface Taken {
  readonly status: number;
  readonly said: object;
}

function takeUrl(deps: ImportDeps, { req, res, query }: ApiRequest): void {
  const url = textParam(query, "url");
  if (url === undefined)
    throw badRequest("url is empty", "give the address of the NZB, or send the NZB itself as the body");
  const { status, said } = accepted(deps, deps.intake.submitUrl({ ...importWish(query), url }));
  sendJson(res, said, status);
  discardBody(req);
}

async function takeAll(deps: ImportDeps, { req, res, query, signal }: ApiRequest): Promise<void> {
  const wish = { ...importWish(query), signal };
  const results: Taken[] = [];
  let firstError: unknown;
  const refused = (error: unknown, fileName: string | undefined) => {
    firstError ??= error;
    results.push(refusal(deps, error, fileName));
  };
  try {
    for await (const upload of uploads(req, { signal })) {
      const taken = await deps.intake.submitBundle({ ...upload, ...wish }).catch((error: unknown): BundleResult[] => {
        if (signal.aborted) throw error;
        return [{ fileName: upload.fileName, outcome: { error } }];
      });
      for (const { fileName, outcome } of taken) {
        if ("error" in outcome) refused(outcome.error, fileName);
        else results.push(accepted(deps, outcome));
      }
    }
  } catch (error) {
    // Whoever sent a form that is too long, or breaks off, still has to learn what was queued of it.
    if (signal.aborted || !results.some(({ status }) => status < 300)) throw error;
    refused(error, undefined);
  }
  const [first, ...others] = results;
  if (first === undefined) {
    throw badRequest("the form holds no file", "put the NZB into a file field, called name or nzbfile");
  }
  if (others.length === 0 && firstError !== undefined) throw firstError;

  const statuses = results.map(({ status }) => status);
  const status = statuses.includes(202) ? 202 : Math.min(...statuses);
  sendJson(res, others.length === 0 ? first.said : results.map(({ said }) => said), status);
  discardBody(req);
}

function accepted({ catalog }: ImportDeps, { job, isNew }: Submitted): Taken {
  const position = catalog.jobs.positionOf(job.id) ?? null;
  return { status: isNew ? 202 : 200, said: { id: job.id, state: job.state, position } };
}

function refusal({ log }: ImportDeps, error: unknown, fileName: string | undefined): Taken {
  const { status, body } = apiErrorAnswer(error);
  if (status === 500) log.error({ err: error }, "could not take an nzb");
  return { status, said: { name: fileName ?? null, ...body } };
}

function list({ catalog }: ImportDeps, { res, query }: ApiRequest): void {
  const limit = limitParam(query);
  const states = statesParam(query);
  const category = textParam(query, "category");
  const search = textParam(query, "search");
  const after = textParam(query, "after");
  const jobs = catalog.jobs.list({
    limit: limit + 1,
    ...(states === undefined ? {} : { states }),
    ...(category === undefined ? {} : { categories: [category] }),
    ...(search === undefined ? {} : { search }),
    ...(after === undefined ? {} : { after }),
  });
  const page = jobs.slice(0, limit);
  const next = jobs.length > limit ? (page.at(-1)?.id ?? null) : null;
  sendJson(res, { imports: page.map(importSummary), next });
}

function show({ catalog, queue }: ImportDeps, { res, params }: ApiRequest): void {
  const job = jobOf(catalog.jobs, params);
  const files = job.release === undefined ? [] : catalog.releaseFiles(job.release);
  sendJson(res, {
    ...importWithPlace(job, { jobs: catalog.jobs, queue }),
    files: files.map(({ path, size }) => ({ path: davPath(path), size })),
  });
}

function statesParam(query: URLSearchParams): readonly JobState[] | undefined {
  const wanted = textParam(query, "state")?.split(",");
  return wanted?.map((text) => {
    const state = STATES.find((known) => known === text);
    if (state === undefined) throw badRequest(`state is one of ${STATES.join(", ")}, or several with commas between`);
    return state;
  });
}
