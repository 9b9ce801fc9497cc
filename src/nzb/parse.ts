import { raceAbort } from "../base/abort.ts";
import { xmlBytes } from "./input.ts";
import { DEFAULT_LIMITS, type NzbLimits } from "./limits.ts";
import type { Nzb } from "./nzb.ts";
import { NzbScanner } from "./scanner.ts";

export interface ParseOptions {
  readonly signal: AbortSignal;
  readonly limits?: Partial<NzbLimits> | undefined;
}

/**
 * Parses an NZB, plain or gzip, in this thread, as its bytes come; never holds the whole document.
 * Rejects with NZB_MALFORMED, NZB_TOO_LARGE, the signal's reason, or whatever the source of the bytes throws.
 */
export function parseNzb(chunks: AsyncIterable<Uint8Array>, { signal, limits }: ParseOptions): Promise<Nzb> {
  return raceAbort(scanAll(chunks, { ...DEFAULT_LIMITS, ...limits }, signal), signal);
}

async function scanAll(chunks: AsyncIterable<Uint8Array>, limits: NzbLimits, signal: AbortSignal): Promise<Nzb> {
  signal.throwIfAborted();
  const scanner = new NzbScanner(limits);
  for await (const chunk of xmlBytes(chunks)) {
    signal.throwIfAborted();
    scanner.feed(chunk);
  }
  return scanner.finish();
}
