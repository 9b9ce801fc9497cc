import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { apiErrorAnswer } from "./errors.ts";
import { ALWAYS } from "./reply.ts";

/**
 * Answers with one JSON object a line, as they come and as fast as the client takes them. A failure before the first line is thrown, to be
 * an answer with a status of its own; a later one is the last line, in the shape of every refusal.
 */
export async function sendJsonLines(
  res: ServerResponse,
  lines: AsyncIterable<object>,
  { signal, log }: Cancel & { readonly log: Logger },
): Promise<void> {
  try {
    for await (const line of lines) {
      begin(res);
      if (!res.write(`${JSON.stringify(line)}\n`)) await once(res, "drain", { signal });
    }
    begin(res);
  } catch (error) {
    if (signal.aborted || !res.headersSent) throw error;
    const { status, body } = apiErrorAnswer(error);
    if (status === 500) log.error({ err: error, path: res.req.url?.split("?")[0] }, "a call failed halfway");
    res.write(`${JSON.stringify(body)}\n`);
  }
  res.end();
}

function begin(res: ServerResponse): void {
  if (!res.headersSent) res.writeHead(200, { ...ALWAYS, "Content-Type": "application/x-ndjson; charset=utf-8" });
}
