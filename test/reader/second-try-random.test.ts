import { describe, expect, test } from "@jest/globals";
import { ProviderError } from "../../src/base/errors.ts";
import type { SegmentLease } from "../../src/reader/segment-cache.ts";
import { seededRandom } from "../random.ts";
import { settle } from "./fake-source.ts";
import { type SecondTry, SIZE, startTries } from "./fake-tries.ts";

/** What is shown of a segment before it is verified. */
const SHOWN = SIZE - 16 * 1024;
const wrong = Buffer.alloc(SIZE, 0xee);

/** Somebody who sends what it is given, and looks whether it stays the same until it asks for more. */
class Client {
  readonly #lease: SegmentLease;
  readonly #seen: Buffer[] = [];
  #held: { readonly bytes: Buffer; readonly copy: Buffer } | undefined;
  #isAsking = false;

  constructor(lease: SegmentLease) {
    this.#lease = lease;
  }

  ask(bytes: number): void {
    if (this.#isAsking) return;
    this.check();
    this.#held = undefined;
    this.#isAsking = true;
    this.#lease.ready(bytes).then(
      (given) => {
        this.#held = { bytes: given, copy: Buffer.from(given) };
        this.#seen.push(this.#held.copy);
        this.#isAsking = false;
      },
      () => {
        this.#isAsking = false;
      },
    );
  }

  check(): void {
    if (this.#held !== undefined) expect(this.#held.bytes.equals(this.#held.copy)).toBe(true);
  }

  hasSeen(content: Buffer): boolean {
    return this.#seen.some((bytes) => bytes.equals(content.subarray(0, bytes.length)));
  }
}

describe("two tries of one segment", () => {
  test("whatever happens in whatever order: every byte is right or refused, none changes under a client, nothing stays pinned", async () => {
    const random = seededRandom(23);
    const chance = (share: number) => random() < share;
    const ends = { arrived: 0, refused: 0, won: 0 };
    for (let round = 0; round < 400; round += 1) {
      const { cache, segment, content, call, clock } = startTries({ slots: 1 + Math.floor(random() * 4) });
      const right = content(0);
      const leases = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
        cache.get(segment(0), { lane: "playhead", signal: new AbortController().signal }),
      );
      const clients = leases.map((lease) => new Client(lease));
      await settle();
      const isFirstWrong = chance(0.3);
      const isSecondWrong = chance(0.3);
      let first = isFirstWrong ? wrong : right;
      let second: SecondTry | undefined;
      let restarting: Promise<void> | undefined;
      let isRestarted = false;
      let filled = 0;
      let filledSecond = 0;
      for (let step = 0; step < 10; step += 1) {
        if (restarting === undefined && chance(0.5)) {
          filled = Math.min(SIZE - 1, filled + Math.floor(random() * 40_000));
          call(0).progress(first, filled);
        }
        if (second === undefined && chance(0.3)) second = call(0).second(isSecondWrong ? wrong : right);
        if (second !== undefined && chance(0.5)) {
          filledSecond = Math.min(SIZE - 1, filledSecond + Math.floor(random() * 40_000));
          second.progress(filledSecond);
        }
        for (const client of clients) if (chance(0.3)) client.ask(1 + Math.floor(random() * SHOWN));
        if (restarting === undefined && !isRestarted && isFirstWrong && chance(0.2)) {
          // What was wrong is never finished: it starts anew.
          restarting = call(0)
            .restart()
            .then(
              () => {
                first = right;
                filled = 0;
                isRestarted = true;
                restarting = undefined;
              },
              () => {},
            );
        }
        await settle();
        for (const client of clients) client.check();
      }
      if (second !== undefined && !isSecondWrong && chance(0.5)) {
        second.win();
        ends.won += 1;
      } else {
        second?.end();
        if (first === right) call(0).finish(right);
        else call(0).fail(new ProviderError("PROVIDER_TIMEOUT", "slow"));
      }
      await settle();
      for (const client of clients) client.check();
      for (const [index, client] of clients.entries()) {
        const bytes = await leases[index]?.ready(SIZE).catch((error) => error);
        if (bytes instanceof Buffer) {
          expect(bytes.equals(right)).toBe(true);
          expect(client.hasSeen(wrong)).toBe(false);
          ends.arrived += 1;
        } else {
          expect(["ARTICLE_CORRUPT", "PROVIDER_TIMEOUT"]).toContain(bytes.code);
          ends.refused += 1;
        }
      }
      for (const lease of leases) lease[Symbol.dispose]();
      // Patience with those who wait for memory ends here.
      clock.advance(11_000);
      await settle();
      await restarting;
      expect(cache.stats()).toMatchObject({ pinnedSlots: 0, flights: 0 });
      expect(clock.timers).toBe(0);
    }
    expect(Math.min(ends.arrived, ends.refused, ends.won)).toBeGreaterThan(50);
  });
});
