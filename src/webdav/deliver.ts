import type { OutgoingHttpHeaders } from "node:http";
import type { ByteRange } from "../base/byte-range.ts";
import type { Dav, Exchange } from "./exchange.ts";
import type { Served } from "./served.ts";
import type { DavEntry } from "./tree.ts";

/**
 * After so many bytes other connections get a turn, even when the kernel takes everything at once; at first after every chunk, since a
 * client that only wanted a look is about to leave, and that is noticed in between.
 */
const TURN_BYTES = 1024 * 1024;
const FIRST_BYTES = 2 * 1024 * 1024;

export interface Delivery {
  readonly entry: DavEntry;
  readonly range: ByteRange;
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
}

/**
 * Sends the bytes of one GET straight from the tree's generator, or from the entry that holds them itself. The header is written when the first chunk is there; the next chunk
 * is asked for when the kernel has taken the last one, since a reader may reuse its memory. Rejects only while
 * nothing has been sent; a later failure destroys the socket. Whatever happens, the reader is closed and no listener stays.
 */
export async function deliver(dav: Dav, exchange: Exchange, delivery: Delivery): Promise<void> {
  const { clock, onServed } = dav;
  const { socket, res, path, client, startedAt } = exchange;
  const { entry, range, status, headers } = delivery;
  const length = range.end - range.start;
  const controller = new AbortController();
  const { signal } = controller;
  let sent = 0;
  let ttfbMs: number | undefined;
  let outcome: Served["outcome"] = "complete";
  let failure: unknown;

  let wake: () => void = () => {};
  const leave = () => {
    controller.abort();
    wake();
  };
  const take = (chunk: Uint8Array) =>
    new Promise<void>((resolve) => {
      wake = resolve;
      res.write(chunk, (error) => {
        if (error) leave();
        resolve();
      });
    });

  const { content } = entry;
  const source = content === undefined ? dav.tree.read(path, range, { signal, client }) : atHand(content, range);
  socket.once("close", leave);
  try {
    let turn = 0;
    while (sent < length) {
      const next = await source.next();
      if (signal.aborted) break;
      if (next.done) throw new Error(`the file ended ${length - sent} bytes early`);
      const chunk = next.value;
      if (chunk.length === 0) continue;
      if (chunk.length > length - sent) throw new Error("the file gave more bytes than were asked for");
      if (ttfbMs === undefined) {
        ttfbMs = clock.now() - startedAt;
        res.writeHead(status, headers);
      }
      await take(chunk);
      if (signal.aborted) break;
      sent += chunk.length;
      turn += chunk.length;
      if (sent < length && (turn >= TURN_BYTES || sent < FIRST_BYTES)) {
        turn = 0;
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    }
    if (sent === length) res.end();
    else outcome = "aborted";
  } catch (error) {
    outcome = signal.aborted ? "aborted" : "failed";
    failure = error;
  } finally {
    socket.off("close", leave);
    await source.return().catch((error: unknown) => dav.log.debug({ error }, "a reader failed to close"));
  }

  const durationMs = clock.now() - startedAt;
  const hasFailed = outcome === "failed";
  onServed?.({
    path,
    range,
    size: entry.size,
    status,
    client,
    bytesSent: sent,
    durationMs,
    ttfbMs,
    outcome,
    ...(hasFailed ? { error: failure } : {}),
  });
  if (hasFailed && !res.headersSent) throw failure;
  if (hasFailed) socket.destroy();
}

async function* atHand(content: Uint8Array, { start, end }: ByteRange): AsyncGenerator<Uint8Array, void, undefined> {
  yield content.subarray(start, end);
}
