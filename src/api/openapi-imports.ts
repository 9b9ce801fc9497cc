import { PRIORITIES } from "../catalog/jobs.ts";
import { answer, call, paging, query } from "./openapi-calls.ts";
import { flag, instant, list, named, object, orNull, refusal, type Schema, text, whole } from "./openapi-schemas.ts";

const importState: Schema = {
  type: "string",
  enum: ["queued", "waiting", "importing", "completed", "failed", "paused", "cancelled"],
};
const priority: Schema = { type: "string", enum: PRIORITIES };

const importSummary = {
  id: text,
  state: importState,
  name: text,
  nzbName: { ...orNull(text), description: "of the NZB's file, as it came" },
  category: text,
  priority,
  bytes: { ...whole, description: "encoded, of all articles; 0 while the NZB is still to be fetched" },
  fetchFrom: { ...orNull(text), description: "scheme and host that the NZB is still to be fetched from" },
  progress: { type: "number", minimum: 0, maximum: 1 },
  reason: { ...orNull(text), description: "what it does or waits for, in words" },
  error: orNull(text),
  code: { ...orNull(text), description: "of the error, for programs" },
  hint: orNull(text),
  attempts: whole,
  notBefore: { ...orNull(instant), description: "when a waiting import is tried again" },
  createdAt: instant,
  updatedAt: instant,
  startedAt: { ...orNull(instant), description: "of the latest attempt" },
  endedAt: orNull(instant),
  isArchived: { ...flag, description: "taken out of the history that download clients see" },
  mergedInto: { ...orNull(text), description: "the import that has the post which this one was to fetch" },
};

const withPlace = {
  ...importSummary,
  position: { ...orNull(whole), description: "imports that are served before this one; null when it has ended" },
  timeLeftMs: { ...orNull(whole), description: "an estimate; 0 when it has ended, null while nothing tells" },
};

const queueState = {
  isPaused: flag,
  counts: {
    ...object(Object.fromEntries((importState["enum"] as string[]).map((state) => [state, whole]))),
    description: "imports in each state",
  },
  words: { ...text, description: "what holds imports back" },
};

/** What the calls about imports answer, by name. */
export const importSchemas: Readonly<Record<string, Schema>> = {
  Accepted: object({ id: text, state: importState, position: withPlace.position }),
  Results: list({ anyOf: [named("Accepted"), object({ name: orNull(text), error: refusal })] }),
  ImportSummary: object(importSummary),
  ImportWithPlace: object(withPlace),
  Import: object({
    ...withPlace,
    files: list(object({ path: { ...text, description: "under /dav/library, not percent-encoded" }, size: whole })),
  }),
  Imports: object({
    imports: list(named("ImportSummary")),
    next: { ...orNull(text), description: "after of the next page" },
  }),
  QueueState: object(queueState),
  Queue: object({ ...queueState, imports: list(named("ImportWithPlace")) }),
  Removed: object({ id: text }),
};

const id = { name: "id", in: "path", required: true, schema: text };
const notThere = { 404: answer("no such import", named("Error")) };
const imports = anyOf("Accepted", "Results");
const refusals = anyOf("Error", "Results");

function anyOf(...names: readonly string[]): Schema {
  return { anyOf: names.map(named) };
}

/** A call that changes one import and answers how it stands then. */
function action(summary: string, ...parameters: readonly Schema[]) {
  const responses = {
    200: answer("how it stands now", named("ImportWithPlace")),
    ...notThere,
    409: answer("its state does not allow that", named("Error")),
  };
  return { post: call(summary, responses, { parameters: [id, ...parameters] }) };
}

/** The calls about imports, by path. */
export const importPaths = {
  "/api/v1/imports": {
    post: call(
      "Import an NZB, several as the files of a form or in a ZIP, or one that is fetched from a URL",
      {
        202: answer("queued; for several NZBs a list, in their order", imports),
        200: answer("the same post was there already", imports),
        400: answer(
          "no NZB, or a bad name, category or URL; a list, in their order, where there were several NZBs and none was taken",
          refusals,
        ),
        413: answer("the NZB is too large; of several, as above", refusals),
        415: answer("neither an NZB nor a form", named("Error")),
      },
      {
        parameters: [
          query("category", "the folder of the library that it goes to"),
          query("name", "what to call the release"),
          query("password", "tried before those that the NZB names"),
          query("priority", "the category's unless given", priority),
          query("paused", "1: it waits until it is resumed", { type: "string", enum: ["0", "1"] }),
          query("url", "where to fetch the NZB from; then there is no body"),
        ],
        requestBody: {
          required: false,
          content: {
            "application/x-nzb": { schema: { type: "string", description: "plain or gzip" } },
            "application/zip": { schema: { type: "string", description: "a ZIP of NZBs" } },
            "application/octet-stream": {},
            "multipart/form-data": {
              schema: { type: "object", properties: { name: { type: "string", format: "binary" } } },
            },
          },
        },
      },
    ),
    get: call(
      "Imports, newest first",
      { 200: answer("a page", named("Imports")) },
      {
        parameters: [
          query("state", "only those in this state, or in several with commas between", text),
          query("category", "only those of this category"),
          query("search", "words that the name holds"),
          ...paging,
        ],
      },
    ),
  },
  "/api/v1/imports/{id}": {
    get: call(
      "One import, its place in the queue and the files it made",
      { 200: answer("the import", named("Import")), ...notThere },
      { parameters: [id] },
    ),
    delete: call(
      "Remove an import from queue and history; one that runs is cancelled, and what it imported stays",
      { 200: answer("removed", named("Removed")), ...notThere },
      { parameters: [id] },
    ),
  },
  "/api/v1/imports/{id}/pause": action("Pause an import, also one that runs"),
  "/api/v1/imports/{id}/resume": action("Resume a paused import; one that waits does not wait any longer"),
  "/api/v1/imports/{id}/cancel": action("End an import, whatever it is doing"),
  "/api/v1/imports/{id}/retry": action(
    "Begin anew with a failed or cancelled import",
    query("password", "tried before those that it has"),
  ),
  "/api/v1/imports/{id}/archive": action("Take an ended import out of the history that download clients see"),
  "/api/v1/imports/{id}/priority": action("Change its priority", {
    ...query("value", "the new one", priority),
    required: true,
  }),
  "/api/v1/imports/{id}/category": action("Change its category", { ...query("value", "the new one"), required: true }),
  "/api/v1/imports/{id}/move": action("Move it within the queue", {
    ...query("position", "0: served next", { type: "integer", minimum: 0 }),
    required: true,
  }),
  "/api/v1/queue": {
    get: call(
      "Imports that have not ended, in the order in which they are served",
      { 200: answer("a page, and the state of all", named("Queue")) },
      {
        parameters: [
          query("skip", "imports to leave out", { type: "integer", minimum: 0, default: 0 }),
          ...paging.slice(1),
        ],
      },
    ),
  },
  "/api/v1/queue/pause": {
    post: call("Pause all imports but those of priority force", { 200: answer("paused", named("QueueState")) }),
  },
  "/api/v1/queue/resume": { post: call("Resume them", { 200: answer("resumed", named("QueueState")) }) },
  "/api/v1/events": {
    get: call("What happens, as server-sent events", {
      200: answer(
        "`import`: an import has changed (ImportSummary); `queue` (QueueState), `admission` (AdmissionState) and `streams` (those of Streams) " +
          "at the beginning and whenever they have changed, once a second at most",
        text,
        "text/event-stream",
      ),
      503: answer("too many clients listen already", named("Error")),
    }),
  },
};
