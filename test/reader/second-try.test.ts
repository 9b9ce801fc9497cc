import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { ProviderError } from "../../src/base/errors.ts";
import { settle } from "./fake-source.ts";
import { SIZE, secondTry, startTries } from "./fake-tries.ts";

/** What is shown of a segment before it is verified. */
const SHOWN = SIZE - 16 * 1024;
const signal = new AbortController().signal;
const playhead = { lane: "playhead", signal } as const;
const wrong = Buffer.alloc(SIZE, 0xee);
const nothingLeft = { pinnedSlots: 0, flights: 0 };

describe("a second try beside the first", () => {
  test("is shown while it arrives when nobody has seen anything of the first one", async () => {
    const { cache, segment, content, call } = startTries();
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
    const { cache, segment, content, call } = startTries();
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
    const { cache, segment, content, call } = startTries();
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
    const { cache, segment, content, call } = startTries();
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
    const { cache, segment, content, call } = startTries();
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
    const { cache, segment, content, call } = startTries({ slots: 2 });
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
      const { cache, segment, content, call } = startTries();
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
    const { cache, segment, content, call, clock } = startTries({ slots: 2 });
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
    const { cache, segment, content, call } = startTries({ slots: 2 });
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
      const { cache, segment, content, call, clock } = startTries();
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
    const { cache, segment, call } = startTries({ slots: 1 });
    using _lease = cache.get(segment(0), playhead);
    await settle();
    expect(call(0).options.spare?.take()).toBeUndefined();
    const { cache: other, segment: of, call: callOf } = startTries({ slots: 2 });
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
});
