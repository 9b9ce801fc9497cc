/** The thread that NzbParser starts. It parses one NZB at a time and answers every `parse` exactly once, also a cancelled one. */
import { createReadStream } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { parentPort } from "node:worker_threads";
import { parseNzb } from "./parse.ts";
import { type FromWorker, type NzbSource, packError, type ToWorker } from "./parser-protocol.ts";
import { packNzb } from "./wire.ts";

const READ_BYTES = 256 * 1024;

let running: AbortController | undefined;

parentPort?.on("message", (message: ToWorker) => {
  if (message.kind === "cancel") running?.abort();
  else void answer(message);
});

async function answer({ source, limits }: ToWorker & { kind: "parse" }): Promise<void> {
  running = new AbortController();
  try {
    const { wire, transfer } = packNzb(await parseNzb(chunksOf(source), { signal: running.signal, limits }));
    reply({ nzb: wire }, transfer);
  } catch (error) {
    reply({ failure: packError(error) });
  } finally {
    running = undefined;
  }
}

function reply(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

function chunksOf(source: NzbSource): AsyncIterable<Uint8Array> {
  return "path" in source ? createReadStream(source.path, { highWaterMark: READ_BYTES }) : slices(source.bytes);
}

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += READ_BYTES) {
    yield bytes.subarray(at, at + READ_BYTES);
    // A cancel is only seen when the loop turns.
    await nextTurn();
  }
}
