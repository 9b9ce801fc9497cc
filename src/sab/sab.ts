/**
 * SABnzbd's API at `/api` and `/sabnzbd/api`, as Sonarr, Radarr and others speak it (SABnzbd 4.5). Every answer is JSON; a refusal has status
 * 200 and says `"status": false` with its reason, since clients show nothing of an answer with another status. One exception, as there: a call
 * without a right key that does not say `output=json` gets 403 and plain text.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError, RequestError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { AccessRefused, loginIn, requireAccess, type SabAuthorize } from "./access.ts";
import { type AddDeps, addModes } from "./add.ts";
import { type Answer, send } from "./answer.ts";
import { type ConfigDeps, configModes } from "./config.ts";
import { type FilesDeps, filesModes } from "./files.ts";
import { type Form, readForm } from "./form.ts";
import { type HistoryDeps, historyModes } from "./history.ts";
import { jsonOf } from "./long-list.ts";
import type { SabMode } from "./mode.ts";
import { Params } from "./params.ts";
import { type QueueDeps, queueListing } from "./queue.ts";
import { type QueueActionDeps, queueActions } from "./queue-actions.ts";
import { NO_FILES, type ReceivedFiles, receiveFiles } from "./received-files.ts";
import { inWords, notImplemented } from "./refusal.ts";
import { type StatusDeps, statusModes } from "./status.ts";
import { Strangers } from "./strangers.ts";

/** What the API talks about; the present is looked up at each call. */
export interface SabDeps extends AddDeps, ConfigDeps, FilesDeps, HistoryDeps, QueueDeps, QueueActionDeps, StatusDeps {
  readonly catalog: AddDeps["catalog"] & ConfigDeps["catalog"] & HistoryDeps["catalog"];
  readonly queue: QueueDeps["queue"];
  readonly authorize: SabAuthorize;
  readonly log: Logger;
}

/** Answers a request and says true, or says false when its path belongs to somebody else. Never rejects. */
export type SabHandler = (req: IncomingMessage, res: ServerResponse) => Promise<boolean>;

const OURS = /^\/(?:sabnzbd\/)?api\/?$/;

/** The modes there are, by `mode` or by `mode name`. */
export function sabModes(deps: SabDeps): ReadonlyMap<string, SabMode> {
  return new Map([
    ...queueListing(deps),
    ...queueActions(deps),
    ...historyModes(deps),
    ...addModes(deps),
    ...filesModes(deps),
    ...configModes(deps),
    ...statusModes(deps),
  ]);
}

export function createSabHandler(deps: SabDeps): SabHandler {
  const modes = sabModes(deps);
  const strangers = new Strangers(deps.clock);

  function modeOf(params: Params): SabMode | undefined {
    const [mode, name] = [params.text("mode"), params.text("name")];
    return (name === "" ? undefined : modes.get(`${mode} ${name}`)) ?? modes.get(mode);
  }

  async function answer(req: IncomingMessage, query: URLSearchParams, signal: AbortSignal): Promise<object> {
    if (!["GET", "HEAD", "POST"].includes(req.method ?? "")) {
      throw new RequestError("METHOD_NOT_ALLOWED", "these calls are made with GET or POST");
    }
    const access = { authorize: deps.authorize, req };
    await using form = await readForm(req, { signal });
    const params = new Params(query, form.fields);
    const early = modeOf(params);
    const isUnsaid = early === undefined || (early.access !== "none" && loginIn(params) === undefined);
    const isStranger = form.isOpen && isUnsaid;
    if (!isStranger) await requireAccess(access, early, params);
    await using received = await filesOf(form, { isStranger, mode: early, signal });
    // Whoever was let in for one thing does not get to do another one that the form says at its end.
    const found = isStranger ? modeOf(params) : early;
    if (isStranger) await requireAccess(access, found, params);
    if (found === undefined) return notImplemented();
    const isKey = async (apiKey: string) => "user" in (await deps.authorize({ apiKey }, req));
    return await found.run({ params, files: received.files, isKey, signal });
  }

  async function filesOf(
    form: Form,
    { isStranger, mode, signal }: Cancel & { readonly isStranger: boolean; readonly mode: SabMode | undefined },
  ): Promise<ReceivedFiles> {
    const options = { receiver: deps.intake, signal };
    if (isStranger) return await strangers.receive(form, options);
    return mode?.takesFiles === true ? await receiveFiles(form.files, options) : NO_FILES;
  }

  return async (req, res) => {
    const target = targetOf(req.url ?? "/");
    if (target === undefined) return false;
    const client = new AbortController();
    res.once("close", () => {
      if (!res.writableFinished) client.abort();
    });
    const { signal } = client;
    try {
      send(res, { status: 200, body: await jsonOf(await answer(req, target, signal), { signal }) });
    } catch (error) {
      if (signal.aborted || res.destroyed) return true;
      if (!(error instanceof AppError))
        deps.log.error({ err: error, method: req.method }, "a call of a download client failed");
      if (res.headersSent) res.destroy();
      else send(res, refusalOf(error, target));
    }
    return true;
  };
}

function refusalOf(error: unknown, query: URLSearchParams): Answer {
  const body = [Buffer.from(JSON.stringify({ status: false, error: inWords(error) }))];
  if (error instanceof RequestError && error.code === "METHOD_NOT_ALLOWED") {
    return { status: 405, headers: { Allow: "GET, HEAD, POST" }, body };
  }
  if (!(error instanceof AccessRefused)) return { status: 200, body };
  const { headers } = error;
  return query.get("output") === "json"
    ? { status: 200, headers, body }
    : { status: 403, headers, body: error.message };
}

/** The query of a request target in origin or absolute form (RFC 9112 section 3.2); undefined when the path is another. */
function targetOf(url: string): URLSearchParams | undefined {
  const [path = "", ...rest] = url.replace(/^https?:\/\/[^/?]*/i, "").split("?");
  return OURS.test(path) ? new URLSearchParams(rest.join("?")) : undefined;
}
