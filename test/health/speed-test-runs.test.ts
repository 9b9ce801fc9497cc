import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { ProviderError } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { SpeedTestWish } from "../../src/health/speed-test.ts";
import type { SpeedEvent } from "../../src/health/speed-test-events.ts";
import { SpeedTests } from "../../src/health/speed-test-runs.ts";
import type { ProviderOptions } from "../../src/nntp/provider-options.ts";
import { ManualClock } from "../manual-clock.ts";
import { ARTICLE, Line, type LineOptions, library, pass } from "./speed-test-line.ts";

const MINUTE = 60_000;
const WISH: SpeedTestWish = { limitBytes: 100 * ARTICLE, whileStreaming: "stop" };
const never = new AbortController().signal;

function account(id: string, more: Partial<ProviderOptions> = {}): ProviderOptions {
  return {
    id,
    host: `${id}.example.com`,
    port: 563,
    tls: true,
    verifyTls: true,
    username: "me",
    password: "hunter2",
    connections: 20,
    tier: 1,
    backup: false,
    pipeline: "auto",
    timeoutMs: 15_000,
    ...more,
  };
}

/** Speed tests of two configured providers, of which each has a line of its own, and of guests. */
function world(options: LineOptions & { readonly sample?: ReturnType<typeof library> } = {}) {
  const clock = new ManualClock();
  const lines = ["main", "fill"].map((id) => new Line(clock, { ...options, id }));
  const guests: Line[] = [];
  let streams = 0;
  let words: string | undefined;
  const [main, fill] = lines as [Line, Line];
  const sample = options.sample ?? library();
  const tests = new SpeedTests({
    catalog: { sampleSegments: (count) => sample(count) },
    providers: [account("main"), account("fill")],
    client: {
      body: (id, into, fetch) => (fetch.only?.provider === "main" ? main : fill).body(id, into, fetch),
      stat: (id, fetch) => (fetch.only?.provider === "main" ? main : fill).stat(id, fetch),
      snapshot: () => lines.flatMap((line) => line.snapshot()),
    },
    openClient: ({ id }) => {
      const line = new Line(clock, { ...options, id });
      guests.push(line);
      return line;
    },
    activity: () => ({ streams, imports: 0 }),
    heldBack: () => words,
    memoryBytes: 2 ** 27,
    clock,
    log: silentLogger,
  });
  return {
    clock,
    tests,
    main,
    fill,
    guests,
    /** `why`: they leave no connection for anybody else. */
    watch: (count: number, why?: string) => {
      streams = count;
      words = why;
    },
    pass: (isSo: () => boolean) => pass(clock, [...lines, ...guests], isSo),
  };
}

/** Follows a test to its end, or until it leaves. */
function follow(events: AsyncIterable<SpeedEvent>) {
  const follower = { told: [] as SpeedEvent[], hasEnded: false, error: undefined as unknown };
  void (async () => {
    try {
      for await (const event of events) follower.told.push(event);
    } catch (error) {
      follower.error = error;
    }
    follower.hasEnded = true;
  })();
  return follower;
}

const lasting = (told: readonly SpeedEvent[]) => told.filter(({ kind }) => kind !== "progress");

describe("speed tests of one provider", () => {
  test("five at once are one measurement, and all are told the same", async () => {
    const { tests, main, pass: letPass } = world();
    const followers = Array.from({ length: 5 }, () => follow(tests.test("main", WISH, { signal: never })));
    await letPass(() => followers.every(({ hasEnded }) => hasEnded));
    expect(main.askedFor).toBeLessThanOrEqual(100);
    const [first] = followers;
    expect(first?.told.at(-1)).toMatchObject({ kind: "report", ended: "volume" });
    for (const { told } of followers) expect(lasting(told)).toEqual(lasting(first?.told ?? []));
  });

  test("who comes later is told what has been so far", async () => {
    const { tests, pass: letPass } = world();
    const first = follow(tests.test("main", WISH, { signal: never }));
    await letPass(() => first.told.some(({ kind }) => kind === "step"));
    // Somebody who wishes for something else gets what is under way.
    const later = follow(tests.test("main", { limitBytes: 1, whileStreaming: "share" }, { signal: never }));
    await letPass(() => later.hasEnded);
    expect(lasting(later.told)).toEqual(lasting(first.told));
    expect(later.told.length).toBeLessThan(first.told.length);
  });

  test("each may leave, and the last one to leave stops it", async () => {
    const { clock, tests, main, pass: letPass } = world();
    const leavers = [new AbortController(), new AbortController()];
    const followers = leavers.map(({ signal }) => follow(tests.test("main", WISH, { signal })));
    await letPass(() => main.inFlight > 0);
    leavers[0]?.abort(new Error("the first leaves"));
    await letPass(() => followers[0]?.hasEnded === true);
    expect(followers[0]?.error).toMatchObject({ message: "the first leaves" });
    const asked = main.askedFor;
    await letPass(() => main.askedFor > asked);
    leavers[1]?.abort(new Error("the last leaves"));
    await letPass(() => followers[1]?.hasEnded === true && main.inFlight === 0);
    const atTheEnd = main.askedFor;
    for (let turns = 0; turns < 100; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    expect([main.askedFor, clock.timers]).toEqual([atTheEnd, 0]);
    for (const { signal } of leavers) expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("after a test was left by all, the next one begins anew", async () => {
    const { tests, main, pass: letPass } = world();
    const leaver = new AbortController();
    const left = follow(tests.test("main", WISH, { signal: leaver.signal }));
    await letPass(() => main.inFlight > 0);
    leaver.abort(new Error("gone"));
    await letPass(() => left.hasEnded);
    const next = follow(tests.test("main", WISH, { signal: never }));
    await letPass(() => next.hasEnded);
    expect(next.told.at(-1)).toMatchObject({ kind: "report" });
  });

  test("a failure is told to all of them", async () => {
    const { tests, pass: letPass } = world({ fate: () => new ProviderError("PROVIDER_AUTH", "481 no") });
    const followers = Array.from({ length: 3 }, () => follow(tests.test("main", WISH, { signal: never })));
    await letPass(() => followers.every(({ hasEnded }) => hasEnded));
    for (const { error } of followers) expect(error).toMatchObject({ code: "PROVIDER_AUTH", message: "481 no" });
  });

  test("is refused for a name that nobody has, an empty library, and while somebody watches", async () => {
    const { tests, watch, main } = world();
    const first = (events: AsyncGenerator<SpeedEvent>) => events.next();
    await expect(first(tests.test("other", WISH, { signal: never }))).rejects.toMatchObject({ code: "NOT_FOUND" });
    watch(1);
    await expect(first(tests.test("main", WISH, { signal: never }))).rejects.toMatchObject({
      code: "CONFLICT",
      message: "1 stream is active: playback comes first",
    });
    const empty = world({ sample: library(0) });
    await expect(first(empty.tests.test("main", WISH, { signal: never }))).rejects.toMatchObject({ code: "CONFLICT" });
    expect([main.askedFor, main.inFlight]).toEqual([0, 0]);
  });
});

describe("speed tests while playback has all connections", () => {
  const words = "1 stream active: imports hold 0 of 20 connections, no job waits; they resume 15 s after playback";
  const share: SpeedTestWish = { ...WISH, whileStreaming: "share" };

  test("are refused with the reason, wished or not, and nothing is asked for", async () => {
    const { tests, watch, main } = world();
    watch(1, words);
    const hint = expect.stringContaining("streaming.floor=1");
    await expect(tests.test("main", share, { signal: never }).next()).rejects.toMatchObject({
      code: "CONFLICT",
      message: `playback has all connections (${words})`,
      hint,
    });
    await expect(tests.test("main", WISH, { signal: never }).next()).rejects.toMatchObject({
      message: "1 stream is active: playback comes first",
    });
    expect([main.askedFor, main.inFlight]).toEqual([0, 0]);
  });

  test("end with the reason when it comes to that, and give what they found; the provider is not blamed", async () => {
    const { tests, watch, main, clock, pass: letPass } = world();
    const found = follow(tests.test("main", share, { signal: never }));
    await letPass(() => found.told.some(({ kind }) => kind === "step"));
    watch(1, words);
    await letPass(() => found.hasEnded);
    expect(found.told.at(-1)).toMatchObject({
      kind: "report",
      ended: "playback",
      notes: [`ended early: playback has all connections (${words})`],
    });
    watch(0);
    const early = follow(tests.test("main", share, { signal: never }));
    await letPass(() => main.inFlight > 0);
    watch(1, words);
    await letPass(() => early.hasEnded);
    const message = `main was not measured: playback has all connections (${words})`;
    expect(early.error).toMatchObject({ code: "CONFLICT", message });
    expect([main.inFlight, clock.timers]).toEqual([0, 0]);
  });

  test("are none of a guest's business, whose connections are its own", async () => {
    const { tests, watch, pass: letPass } = world();
    watch(1, words);
    const guest = follow(tests.testGuest(account("guest"), share, { signal: never }));
    await letPass(() => guest.hasEnded);
    expect(guest.told.at(-1)).toMatchObject({ kind: "report", ended: "volume" });
  });
});

describe("speed tests of several providers", () => {
  test("come one after the other, and those who wait are told so", async () => {
    const { tests, main, fill, pass: letPass } = world();
    let atOnce = false;
    const first = follow(tests.test("main", WISH, { signal: never }));
    const second = follow(tests.test("fill", WISH, { signal: never }));
    await letPass(() => {
      atOnce ||= main.inFlight > 0 && fill.inFlight > 0;
      return first.hasEnded && second.hasEnded;
    });
    expect(atOnce).toBe(false);
    expect(second.told[0]).toMatchObject({ kind: "waiting" });
    expect(first.told.some(({ kind }) => kind === "waiting")).toBe(false);
    for (const { told } of [first, second]) expect(told.at(-1)).toMatchObject({ kind: "report" });
  });

  test("one that waits may leave, and does not begin when somebody has begun to watch meanwhile", async () => {
    const { tests, main, fill, watch, pass: letPass } = world();
    const first = follow(tests.test("main", WISH, { signal: never }));
    const leaver = new AbortController();
    const leaving = follow(tests.test("fill", WISH, { signal: leaver.signal }));
    await letPass(() => leaving.told.length > 0);
    leaver.abort(new Error("gone"));
    const waiting = follow(tests.test("fill", WISH, { signal: never }));
    await letPass(() => leaving.hasEnded && waiting.told.length > 0 && main.inFlight > 0);
    watch(1);
    await letPass(() => first.hasEnded && waiting.hasEnded);
    expect(waiting.error).toMatchObject({ code: "CONFLICT" });
    expect(fill.askedFor).toBe(0);
  });

  test("stopping ends them all, with what they wait for", async () => {
    const { clock, tests, main, pass: letPass } = world();
    const followers = ["main", "fill"].map((name) => follow(tests.test(name, WISH, { signal: never })));
    await letPass(() => main.inFlight > 0);
    await tests[Symbol.asyncDispose]();
    await letPass(() => followers.every(({ hasEnded }) => hasEnded));
    for (const { error } of followers) expect(error).toMatchObject({ code: "NOT_READY" });
    expect([main.inFlight, clock.timers]).toEqual([0, 0]);
  });
});

describe("speed tests of providers that are not configured", () => {
  async function tryOut(here: ReturnType<typeof world>, guest: ProviderOptions) {
    const follower = follow(here.tests.testGuest(guest, WISH, { signal: never }));
    await here.pass(() => follower.hasEnded);
    return follower;
  }

  test("use a client of their own, which is kept for five minutes and then closed by the janitor", async () => {
    const here = world();
    await tryOut(here, account("guest"));
    await tryOut(here, account("guest"));
    expect(here.guests).toHaveLength(1);
    here.clock.advance(4 * MINUTE);
    expect([here.guests[0]?.closed, here.tests.guests, here.clock.timers]).toEqual([false, 1, 1]);
    here.clock.advance(2 * MINUTE);
    expect([here.guests[0]?.closed, here.tests.guests, here.clock.timers]).toEqual([true, 0, 0]);
    await tryOut(here, account("guest"));
    expect(here.guests).toHaveLength(2);
    await here.tests[Symbol.asyncDispose]();
    expect([here.guests[1]?.closed, here.clock.timers]).toEqual([true, 0]);
  });

  test("a client is not closed while it is in use, however long that takes", async () => {
    const here = world({ perConnection: 0 });
    const leaver = new AbortController();
    // Its turn does not come: another one is being measured.
    const first = follow(here.tests.test("main", WISH, { signal: leaver.signal }));
    const guest = follow(here.tests.testGuest(account("guest"), WISH, { signal: leaver.signal }));
    await here.pass(() => first.told.length > 0 && guest.told.length > 0);
    expect(guest.told[0]).toMatchObject({ kind: "waiting" });
    for (let minutes = 0; minutes < 10; minutes += 1) here.clock.advance(MINUTE);
    expect(here.guests[0]?.closed).toBe(false);
    leaver.abort(new Error("gone"));
    await here.pass(() => guest.hasEnded);
    await here.tests[Symbol.asyncDispose]();
  });

  test("the same one twice at once is one measurement; another password is another one", async () => {
    const here = world();
    const followers = [account("guest"), account("guest"), account("guest", { password: "other" })].map((guest) =>
      follow(here.tests.testGuest(guest, WISH, { signal: never })),
    );
    await here.pass(() => followers.every(({ hasEnded }) => hasEnded));
    expect(here.guests).toHaveLength(2);
    expect(lasting(followers[1]?.told ?? [])).toEqual(lasting(followers[0]?.told ?? []));
  });

  test("four at most: the one used longest ago makes room, and none does while all are in use", async () => {
    const here = world();
    for (const name of ["a", "b", "c", "d"]) await tryOut(here, account(name));
    await tryOut(here, account("a"));
    await tryOut(here, account("e"));
    expect(here.tests.guests).toBe(4);
    expect(here.guests.map(({ closed }) => closed)).toEqual([false, true, false, false, false]);

    const leaver = new AbortController();
    const { signal } = leaver;
    const busy = ["a", "c", "d", "e"].map((name) => follow(here.tests.testGuest(account(name), WISH, { signal })));
    await here.pass(() => busy.every(({ told }) => told.length > 0));
    const fifth = follow(here.tests.testGuest(account("f"), WISH, { signal }));
    await here.pass(() => fifth.hasEnded);
    expect(fifth.error).toMatchObject({ code: "NOT_READY" });
    leaver.abort(new Error("gone"));
    await here.pass(() => busy.every(({ hasEnded }) => hasEnded));
    await here.tests[Symbol.asyncDispose]();
  });

  test("the account of a configured provider is measured as that one, so that its limit holds", async () => {
    const here = world();
    const same = account("another name", { host: "MAIN.example.com", connections: 50 });
    const followers = [
      follow(here.tests.test("main", WISH, { signal: never })),
      follow(here.tests.testGuest(same, WISH, { signal: never })),
    ];
    await here.pass(() => followers.every(({ hasEnded }) => hasEnded));
    expect([here.guests.length, here.tests.guests]).toEqual([0, 0]);
    expect(lasting(followers[1]?.told ?? [])).toEqual(lasting(followers[0]?.told ?? []));
  });
});
