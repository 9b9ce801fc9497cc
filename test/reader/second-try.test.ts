import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { ProviderError } from "../../src/base/errors.ts";
import type { MessageId } from "../../src/base/message-id.ts";
import type { Slot } from "../../src/base/slot.ts";
import type { Segment } from "../../src/catalog/catalog.ts";
import type { ArticleSource, FetchOptions, Presence, Spare } from "../../src/nntp/article-source.ts";
import { SegmentCache, type SegmentLease } from "../../src/reader/segment-cache.ts";
import { capacityFor } from "../../src/reader/slots.ts";
import type { PartInfo } from "../../src/yenc/part-info.ts";
import { ManualClock } from "../manual-clock.ts";
import { seededRandom } from "../random.ts";
import { madeFile, settle } from "./fake-source.ts";

const SIZE = 100_000;
/** What is shown of a segment before it is verified. */
const SHOWN = SIZE - 16 * 1024;
const signal = new AbortController().signal;
const playhead = { lane: "playhead", signal } as const;
const INFO: PartInfo = {
  size: SIZE,
  begin: undefined,
  partNumber: undefined,
  totalParts: undefined,
  fileSize: undefined,
  name: undefined,
  isChecked: true,
};

/** One fetch with its first try, under the test's control. */
class Fetch {
  readonly id: MessageId;
  readonly options: FetchOptions;
  readonly into: Slot;
  readonly #resolve: (info: PartInfo) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    of: { readonly id: MessageId; readonly into: Slot; readonly options: FetchOptions },
    settled: { readonly resolve: (info: PartInfo) => void; readonly reject: (error: unknown) => void },
  ) {
    this.id = of.id;
    this.into = of.into;
    this.options = of.options;
    const { signal: flying } = of.options;
    const leave = () => settled.reject(flying.reason);
    flying.addEventListener("abort", leave, { once: true });
    this.#reject = (error) => {
      flying.removeEventListener("abort", leave);
      settled.reject(error);
    };
    this.#resolve = (info) => {
      flying.removeEventListener("abort", leave);
      settled.resolve(info);
    };
  }

  progress(content: Buffer, filled: number): void {
    content.copy(this.into.bytes, 0, 0, filled);
    this.options.onProgress?.(filled);
  }

  /** The first try has failed; rejects when the next one is not wanted any more. */
  async restart(): Promise<void> {
    await this.options.onRestart?.();
  }

  finish(content: Buffer): void {
    content.copy(this.into.bytes);
    this.#resolve(INFO);
  }

  fail(error: Error): void {
    this.#reject(error);
  }

  /** A second try beside the first; undefined when there is no place for it. */
  second(content: Buffer): SecondTry | undefined {
    const spare = this.options.spare as Spare;
    const slot = spare.take();
    if (slot === undefined) return undefined;
    return {
      progress(filled) {
        content.copy(slot.bytes, 0, 0, filled);
        spare.onProgress(filled);
      },
      win: () => {
        content.copy(slot.bytes);
        spare.won();
        this.#resolve(INFO);
        spare.done();
      },
      end: () => spare.done(),
    };
  }
}

interface SecondTry {
  progress(filled: number): void;
  /** It is right; nothing more comes of the first one. */
  win(): void;
  /** Nothing came of it. */
  end(): void;
}

class FakePool implements ArticleSource {
  readonly fetches: Fetch[] = [];

  body(id: MessageId, into: Slot, options: FetchOptions): Promise<PartInfo> {
    return new Promise((resolve, reject) => {
      this.fetches.push(new Fetch({ id, into, options }, { resolve, reject }));
    });
  }

  async stat(): Promise<Presence> {
    return "unknown";
  }
}

function start({ slots = 64 } = {}) {
  const file = madeFile(8, SIZE);
  const clock = new ManualClock();
  const source = new FakePool();
  const cache = new SegmentCache({ source, budgetBytes: slots * capacityFor(SIZE), clock });
  const segment = (index: number) => file.segments[index] as Segment;
  const content = (index: number) => file.bytes.subarray(index * SIZE, (index + 1) * SIZE);
  const call = (index: number) => source.fetches[index] as Fetch;
  return { clock, cache, segment, content, call };
}

function secondTry(call: Fetch, content: Buffer): SecondTry {
  const second = call.second(content);
  if (second === undefined) throw new Error("there is no place for a second try");
  return second;
}

const wrong = Buffer.alloc(SIZE, 0xee);
const nothingLeft = { pinnedSlots: 0, flights: 0 };

describe("a second try beside the first", () => {
  test("is shown while it arrives when nobody has seen anything of the first one", async () => {
    const { cache, segment, content, call } = start();
    using lease = cache.get(segment(0), playhead);
    await settle();
    const second = secondTry(call(0), content(0));
    const early = lease.ready(1);
    second.progress(40_000);
    expect((await early).equals(content(0).subarray(0, 40_000))).toBe(true);
    second.progress(SIZE - 1);
    expect(await lease.ready(SHOWN)).toHaveLength(SHOWN);
    second.win();
    expect((await lease.ready(SIZE)).equals(content(0))).toBe(true);
    lease[Symbol.dispose]();
    expect(cache.stats()).toMatchObject({ ...nothingLeft, entries: 1 });
  });

  test("is not shown before it is right when the first one's bytes are with a client, and they stay as they are", async () => {
    const { cache, segment, content, call } = start();
    using lease = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(content(0), 30_000);
    const early = await lease.ready(1);
    const second = secondTry(call(0), content(0));
    let isShown = false;
    const more = lease.ready(30_001).then((bytes) => {
      isShown = true;
      return bytes;
    });
    second.progress(SIZE - 1);
    await settle();
    expect(isShown).toBe(false);
    second.win();
    expect((await more).equals(content(0))).toBe(true);
    expect(early.equals(content(0).subarray(0, 30_000))).toBe(true);
    lease[Symbol.dispose]();
    expect(cache.stats()).toMatchObject({ ...nothingLeft, entries: 1 });
  });

  test("that wins fails only those who were given other bytes by the first one", async () => {
    const { cache, segment, content, call } = start();
    using seen = cache.get(segment(0), playhead);
    using unseen = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(wrong, 30_000);
    expect((await seen.ready(1)).equals(wrong.subarray(0, 30_000))).toBe(true);
    secondTry(call(0), content(0)).win();
    expect((await unseen.ready(SIZE)).equals(content(0))).toBe(true);
    await expect(seen.ready(30_001)).rejects.toMatchObject({ code: "ARTICLE_CORRUPT" });
    seen[Symbol.dispose]();
    unseen[Symbol.dispose]();
    expect(cache.stats()).toMatchObject({ ...nothingLeft, entries: 1 });
  });

  test("that was shown and then is found wrong is hidden at once: who had seen none of it gets only what is right", async () => {
    const { cache, segment, content, call } = start();
    using lease = cache.get(segment(0), playhead);
    await settle();
    const second = secondTry(call(0), wrong);
    second.progress(50_000);
    second.end();
    let isShown = false;
    const early = lease.ready(1).then((bytes) => {
      isShown = true;
      return bytes;
    });
    await settle();
    expect(isShown).toBe(false);
    call(0).progress(content(0), 20_000);
    expect((await early).equals(content(0).subarray(0, 20_000))).toBe(true);
    call(0).finish(content(0));
    expect((await lease.ready(SIZE)).equals(content(0))).toBe(true);
    lease[Symbol.dispose]();
    expect(cache.stats()).toMatchObject({ ...nothingLeft, entries: 1 });
  });

  test("that was shown and then ends lets the first one be seen again, as far as it is", async () => {
    const { cache, segment, content, call } = start();
    using lease = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(content(0), 10_000);
    const second = secondTry(call(0), content(0));
    second.progress(50_000);
    const early = lease.ready(5_000);
    second.end();
    expect((await early).equals(content(0).subarray(0, (await early).length))).toBe(true);
    call(0).finish(content(0));
    expect((await lease.ready(SIZE)).equals(content(0))).toBe(true);
  });

  test("whose bytes are with a client when it ends is made up for by the first one, and never written over", async () => {
    const { cache, segment, content, call } = start({ slots: 2 });
    using lease = cache.get(segment(0), playhead);
    await settle();
    const second = secondTry(call(0), content(0));
    second.progress(50_000);
    const early = await lease.ready(1);
    second.end();
    call(0).progress(content(0), 60_000);
    call(0).finish(content(0));
    await settle();
    expect(early.equals(content(0).subarray(0, 50_000))).toBe(true);
    expect((await lease.ready(50_001)).equals(content(0))).toBe(true);
    lease[Symbol.dispose]();
    expect(cache.stats()).toMatchObject({ ...nothingLeft, entries: 1 });
  });

  test("whose bytes are with a client when the first one is right costs that client nothing if they are the same", async () => {
    for (const [shown, isSame] of [
      ["right", true],
      ["wrong", false],
    ] as const) {
      const { cache, segment, content, call } = start();
      using lease = cache.get(segment(0), playhead);
      await settle();
      const second = secondTry(call(0), shown === "right" ? content(0) : wrong);
      second.progress(50_000);
      await lease.ready(1);
      call(0).finish(content(0));
      second.end();
      const rest = lease.ready(SIZE);
      if (isSame) expect((await rest).equals(content(0))).toBe(true);
      else await expect(rest).rejects.toMatchObject({ code: "ARTICLE_CORRUPT" });
      lease[Symbol.dispose]();
      expect(cache.stats()).toMatchObject({ ...nothingLeft, entries: 1 });
    }
  });

  test("that wins while the first one waits for memory to start anew ends that wait", async () => {
    const { cache, segment, content, call, clock } = start({ slots: 2 });
    using lease = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(content(0), 30_000);
    const early = await lease.ready(1);
    const second = secondTry(call(0), content(0));
    // The client still sends the early bytes, both places are taken: there is none for the first one's next attempt.
    const restarting = call(0).restart();
    restarting.catch(() => {});
    await settle();
    second.win();
    await settle();
    // Nobody waits for memory any more, although the client has not yet given back what it was lent.
    expect(clock.timers).toBe(0);
    expect(early.equals(content(0).subarray(0, 30_000))).toBe(true);
    for (let twice = 0; twice < 2; twice += 1) {
      expect((await lease.ready(SIZE)).equals(content(0))).toBe(true);
      await settle();
    }
    lease[Symbol.dispose]();
    expect(cache.stats()).toMatchObject({ ...nothingLeft, entries: 1 });
    using next = cache.get(segment(1), playhead);
    await settle();
    call(1).finish(content(1));
    expect((await next.ready(SIZE)).equals(content(1))).toBe(true);
  });

  test("that wins gives back memory in that moment, and the first one, which waits for it, does not take it", async () => {
    const { cache, segment, content, call } = start({ slots: 2 });
    const early = cache.get(segment(0), playhead);
    using other = cache.get(segment(0), playhead);
    await settle();
    call(0).progress(content(0), 30_000);
    await early.ready(1);
    const second = secondTry(call(0), content(0));
    const restarting = call(0).restart();
    restarting.catch(() => {});
    // Nobody has the early bytes any more, and the other one has seen none of them.
    early[Symbol.dispose]();
    await settle();
    second.win();
    await settle();
    expect((await other.ready(SIZE)).equals(content(0))).toBe(true);
    other[Symbol.dispose]();
    expect(cache.stats()).toMatchObject({ ...nothingLeft, entries: 1 });
    using next = cache.get(segment(1), playhead);
    await settle();
    call(1).finish(content(1));
    expect((await next.ready(SIZE)).equals(content(1))).toBe(true);
  });

  test("gives back its memory when both fail, and when everybody leaves", async () => {
    for (const how of ["fail", "leave"] as const) {
      const { cache, segment, content, call, clock } = start();
      const lease = cache.get(segment(0), playhead);
      await settle();
      call(0).progress(content(0), 30_000);
      await lease.ready(1);
      const second = secondTry(call(0), content(0));
      second.progress(70_000);
      const rest = lease.ready(SIZE);
      if (how === "fail") {
        second.end();
        call(0).fail(new ProviderError("PROVIDER_TIMEOUT", "slow"));
        await expect(rest).rejects.toMatchObject({ code: "PROVIDER_TIMEOUT" });
      } else {
        rest.catch(() => {});
      }
      lease[Symbol.dispose]();
      // More than half of it is here: it lingers.
      clock.advance(2_000);
      await settle();
      second.end();
      expect(cache.stats()).toMatchObject({ ...nothingLeft, entries: 0 });
      expect(clock.timers).toBe(0);
      const { signal: flying } = call(0).options;
      expect(getEventListeners(flying, "abort")).toEqual([]);
    }
  });

  test("has no place when memory is short, and takes none from anybody who waits", async () => {
    const { cache, segment, call } = start({ slots: 1 });
    using _lease = cache.get(segment(0), playhead);
    await settle();
    expect(call(0).options.spare?.take()).toBeUndefined();
    const { cache: other, segment: of, call: callOf } = start({ slots: 2 });
    const first = other.get(of(0), playhead);
    const second = other.get(of(1), playhead);
    const waiting = other.get(of(2), playhead);
    await settle();
    expect(callOf(0).options.spare?.take()).toBeUndefined();
    callOf(1).fail(new ProviderError("PROVIDER_TIMEOUT", "slow"));
    second[Symbol.dispose]();
    await settle();
    expect(callOf(2).id).toBe(of(2).id);
    for (const lease of [first, waiting]) lease[Symbol.dispose]();
    await settle();
    expect(other.stats()).toMatchObject(nothingLeft);
  });

  test("whatever happens in whatever order: every byte is right or refused, none changes under a client, nothing stays pinned", async () => {
    const random = seededRandom(23);
    const chance = (share: number) => random() < share;
    const ends = { arrived: 0, refused: 0, won: 0 };
    for (let round = 0; round < 400; round += 1) {
      const { cache, segment, content, call, clock } = start({ slots: 1 + Math.floor(random() * 4) });
      const right = content(0);
      const leases = Array.from({ length: 1 + Math.floor(random() * 3) }, () => cache.get(segment(0), playhead));
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
      expect(cache.stats()).toMatchObject(nothingLeft);
      expect(clock.timers).toBe(0);
    }
    expect(Math.min(ends.arrived, ends.refused, ends.won)).toBeGreaterThan(50);
  });
});

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
