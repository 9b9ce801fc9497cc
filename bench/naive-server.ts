/**
 * What is commonly built, out of the product's own connections: whole articles, fetched `batch` at a time and forwarded when all of
 * them are here and verified; nothing is asked for in advance, nothing is kept. GET /<file>/<batch>, with a Range. A batch of one is a
 * server without read-ahead.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/logger.ts";
import type { MessageId } from "../src/base/message-id.ts";
import { Pool } from "../src/nntp/pool.ts";
import type { ProviderOptions } from "../src/nntp/provider-options.ts";
import { loadKernel } from "../src/yenc/load-kernel.ts";
import { answerRequests } from "./child-side.ts";
import type { BenchFile } from "./news.ts";

export interface NaiveServerArgument {
  readonly provider: ProviderOptions;
}

export type NaiveFile = Pick<BenchFile, "bytes" | "partSize" | "ids">;

/** The decoder writes with as much slack as one read delivers. */
const SLACK_BYTES = 64 * 1024;

const { provider } = JSON.parse(process.argv[2] as string) as NaiveServerArgument;
const pool = new Pool({
  providers: [provider],
  kernel: loadKernel(),
  clock: systemClock,
  log: silentLogger,
  limits: { importConnections: () => 0, reserve: () => 0 },
});
const NEVER = new AbortController().signal;
let files: readonly NaiveFile[] = [];
/** Memory is reused; one request at a time. */
const slots: { readonly bytes: Buffer }[] = [];

const http = createServer((req, res) => void answer(req, res).catch(() => res.destroy()));
await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
answerRequests({
  serve(described: readonly NaiveFile[]) {
    files = described;
    return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
  },
});

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [, file, batch] = (req.url ?? "").split("/").map(Number);
  const { bytes, partSize, ids } = files[file as number] as NaiveFile;
  const [, first = "", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? "bytes=0-") ?? [];
  const range = { start: Number(first), end: last === "" ? bytes : Number(last) + 1 };
  const stop = Math.ceil(range.end / partSize);
  for (let next = Math.floor(range.start / partSize); next < stop; next += batch as number) {
    const parts = ids.slice(next, Math.min(stop, next + (batch as number)));
    const fetched = await Promise.all(parts.map((id, at) => fetchWhole(id as MessageId, at)));
    if (!res.headersSent) res.writeHead(206, { "Content-Length": range.end - range.start });
    for (const [at, part] of fetched.entries()) {
      const begin = (next + at) * partSize;
      const piece = part.subarray(Math.max(0, range.start - begin), range.end - begin);
      // The memory is filled anew by the next batch, so this one has to be with the kernel before.
      await new Promise((resolve) => res.write(piece, resolve));
    }
    // What was asked for is fetched to its end all the same, so that its connection stays.
    if (res.destroyed) return;
  }
  res.end();
}

async function fetchWhole(id: MessageId, slot: number): Promise<Buffer> {
  const largest = Math.max(...files.map(({ partSize }) => partSize));
  slots[slot] ??= { bytes: Buffer.allocUnsafeSlow(largest + SLACK_BYTES) };
  const { bytes } = slots[slot];
  const { size } = await pool.body(id, { bytes }, { signal: NEVER, urgency: { lane: "playhead" } });
  return bytes.subarray(0, size);
}
