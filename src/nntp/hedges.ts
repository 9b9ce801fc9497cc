import type { Attempt } from "./attempt.ts";
import type { Provider } from "./provider.ts";
import type { SecondOutcome, SecondTry } from "./race.ts";
import type { Verdicts } from "./verdicts.ts";

/** Second tries may cost this share of all that is received ... */
const SHARE = 0.02;
/** ... and a few articles in advance, for one who has only just begun to watch. */
const ADVANCE_BYTES = 3_000_000;

export interface HedgeStats {
  /** Articles asked for a second time because the first try made no progress. */
  readonly asked: number;
  /** Of these, those where the second try was the quicker one. */
  readonly won: number;
  /** Bytes that were received twice, or for nothing. */
  readonly bytes: number;
}

/** Decides whether and where an article that does not come is asked for a second time, and keeps the cost of that within its budget. */
export class Hedges {
  readonly #providers: readonly Provider[];
  #asked = 0;
  #won = 0;
  /** Spent, and granted to those that are under way. */
  #bytes = 0;

  constructor(providers: readonly Provider[]) {
    this.#providers = providers;
  }

  stats(): HedgeStats {
    return { asked: this.#asked, won: this.#won, bytes: this.#bytes };
  }

  over({ grantedBytes, wastedBytes, hasWon }: SecondOutcome): void {
    this.#bytes += wastedBytes - grantedBytes;
    if (hasWon) this.#won += 1;
  }

  /** A second try is on its way. */
  asked(bytes: number): void {
    this.#asked += 1;
    this.#bytes += bytes;
  }

  /** Another provider that is well and has a connection to spare; else another connection of the same one. Never a backup, never behind anything else. */
  elsewhere(attempt: Attempt, verdicts: Verdicts): SecondTry | undefined {
    if (attempt.only !== undefined) return undefined;
    const received = this.#providers.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
    if (this.#bytes + attempt.expectedBytes > Math.max(ADVANCE_BYTES, SHARE * received)) return undefined;
    const { provider: stalled, line } = attempt;
    const able = this.#providers.filter(
      (provider) => provider.isWell && !provider.options.backup && !verdicts.isDone(provider, 1) && hasRoom(provider),
    );
    // While the first one waits for a connection, more of the same would only wait as well.
    const others = able.filter((provider) => (stalled === undefined ? !attempt.suits(provider) : provider !== stalled));
    const provider =
      soonest(others, attempt.expectedBytes) ??
      able.find((candidate) => candidate === stalled && verdicts.mayAskBeside(candidate));
    return provider === undefined ? undefined : { provider, avoid: line };
  }
}

/** An idle connection, or leave to open one. */
function hasRoom(provider: Provider): boolean {
  if (provider.openable > 0) return true;
  for (const { connection } of provider.lines) if (connection.inFlight === 0 && !connection.isClosed) return true;
  return false;
}

function soonest(providers: readonly Provider[], bytes: number): Provider | undefined {
  let best: { readonly provider: Provider; readonly rank: number } | undefined;
  for (const provider of providers) {
    const rank = provider.options.tier * 1e9 + provider.standing.costMs(bytes, 0);
    if (best === undefined || rank < best.rank) best = { provider, rank };
  }
  return best?.provider;
}
