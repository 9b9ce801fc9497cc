import { RequestError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Job, JobState } from "../catalog/jobs.ts";
import type { Intake } from "../import/intake.ts";
import { apiErrorAnswer, badRequest } from "./errors.ts";
import { davPath, limitParam, textParam } from "./query.ts";
import { discardBody, sendJson } from "./reply.ts";
import type { ApiRequest, Route } from "./route.ts";
import { uploads } from "./upload.ts";

const STATES: readonly JobState[] = ["queued", "waiting", "importing", "completed", "failed", "paused", "cancelled"];

interface ImportDeps {
  readonly intake: Intake;
  readonly catalog: Catalog;
  readonly log: Logger;
}

/** The calls that take an NZB and tell what became of it. */
export function importRoutes(deps: ImportDeps): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/api/v1/imports",
      access: "required",
      takesUpload: true,
      handle: (request) => takeAll(deps, request),
    },
    { method: "GET", path: "/api/v1/imports", access: "required", handle: (request) => list(deps, request) },
    { method: "GET", path: "/api/v1/imports/{id}", access: "required", handle: (request) => show(deps, request) },
  ];
}

/** What became of one file: a status of its own, and what is said about it. */
interface Taken {
  readonly status: number;
  readonly said: object;
}

async function takeAll(deps: ImportDeps, { req, res, query, signal }: ApiRequest): Promise<void> {
  const name = textParam(query, "name");
  const password = textParam(query, "password");
  const options = {
    category: textParam(query, "category") ?? "",
    ...(name === undefined ? {} : { name }),
    ...(password === undefined ? {} : { passwords: [password] }),
    signal,
  };

  const results: Taken[] = [];
  let firstError: unknown;
  let files = 0;
  for await (const upload of uploads(req, { signal })) {
    files += 1;
    try {
      const { job, isNew } = await deps.intake.submit({ ...upload, ...options });
      results.push({ status: isNew ? 202 : 200, said: { id: job.id, state: job.state } });
    } catch (error) {
      if (signal.aborted) throw error;
      firstError ??= error;
      results.push(refused(deps, error, upload.fileName));
    }
  }
  if (files === 0) throw badRequest("the form holds no file", "put the NZB into a file field, called name or nzbfile");
  if (files === 1 && firstError !== undefined) throw firstError;

  const statuses = results.map(({ status }) => status);
  const status = statuses.includes(202) ? 202 : Math.min(...statuses);
  sendJson(res, files === 1 ? results[0]?.said : results.map(({ said }) => said), status);
  discardBody(req);
}

function refused({ log }: ImportDeps, error: unknown, fileName: string | undefined): Taken {
  const { status, body } = apiErrorAnswer(error);
  if (status === 500) log.error({ err: error }, "could not take an nzb");
  return { status, said: { name: fileName ?? null, ...body } };
}

function list({ catalog }: ImportDeps, { res, query }: ApiRequest): void {
  const limit = limitParam(query);
  const state = stateParam(query);
  const after = textParam(query, "after");
  const jobs = catalog.jobs.list({
    limit: limit + 1,
    ...(state === undefined ? {} : { state }),
    ...(after === undefined ? {} : { after }),
  });
  const page = jobs.slice(0, limit);
  const next = jobs.length > limit ? (page.at(-1)?.id ?? null) : null;
  sendJson(res, { imports: page.map(summary), next });
}

function show({ catalog }: ImportDeps, { res, params }: ApiRequest): void {
  const job = catalog.jobs.get(params["id"] ?? "");
  if (job === undefined) throw new RequestError("NOT_FOUND", "there is no import with this id");
  const files = job.release === undefined ? [] : catalog.releaseFiles(job.release);
  sendJson(res, { ...summary(job), files: files.map(({ path, size }) => ({ path: davPath(path), size })) });
}

function summary(job: Job) {
  return {
    id: job.id,
    state: job.state,
    name: job.name,
    category: job.category,
    progress: job.progress,
    reason: job.reason ?? null,
    error: job.error ?? null,
    hint: job.hint ?? null,
    createdAt: job.createdAt,
    updatedAt: job.updatedAt,
  };
}

function stateParam(query: URLSearchParams): JobState | undefined {
  const text = textParam(query, "state");
  const state = STATES.find((known) => known === text);
  if (text !== undefined && state === undefined) throw badRequest(`state is one of ${STATES.join(", ")}`);
  return state;
}
