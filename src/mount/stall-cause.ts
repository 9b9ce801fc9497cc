import type { Try } from "../nntp/fetch-trace.ts";
import type { Wait } from "../reader/wait.ts";

/** The shortest wait that somebody who reads on may notice: a browser or an unbuffered player stands still; less is jitter. */
const STALL_MS = 500;
/** After a jump a moment's wait is expected; beyond this people press the button again. */
const SLOW_START_MS = 3000;

/** Whether a player was kept waiting for longer than it should. */
export function isStall({ isFirst, totalMs }: Wait): boolean {
  return totalMs > (isFirst ? SLOW_START_MS : STALL_MS);
}

/** Why it took so long, in words: what the providers said where one of them did not deliver, else the phase that took longest. */
export function stallCause(wait: Wait): string {
  const { permit, connection, firstByte, body } = wait.phases;
  const longest = Math.max(permit, connection, firstByte, body);
  if (permit === longest) return `no memory was free for ${seconds(permit)}`;
  const refusals = wait.tries.flatMap(refusal);
  if (refusals.length > 0) return [...new Set(refusals), answered(wait)].join(", ");
  if (wait.isHedged) {
    const stalled = providerOf(wait, "lost the race") ?? "the provider";
    return `${stalled} made no progress; asked again on another connection, ${answered(wait)}`;
  }
  if (connection === longest) return `waited ${seconds(connection)} for a connection: none was free`;
  const provider = providerOf(wait, "ok") ?? "the provider";
  if (firstByte === longest) return `${provider} took ${seconds(firstByte)} to answer`;
  return `the article came slowly from ${provider}: ${seconds(body)}`;
}

const WORDS: Readonly<Record<Try["result"], string | undefined>> = {
  ok: undefined,
  missing: "did not have the article",
  corrupt: "sent a corrupt article",
  failed: "failed",
  "lost the race": undefined,
};

function refusal({ provider, result }: Try): string[] {
  const words = WORDS[result];
  return words === undefined ? [] : [`${provider} ${words}`];
}

function answered(wait: Wait): string {
  return `${providerOf(wait, "ok") ?? "another try"} answered after ${seconds(wait.totalMs)}`;
}

function providerOf({ tries }: Wait, wanted: Try["result"]): string | undefined {
  return tries.findLast(({ result }) => result === wanted)?.provider;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
