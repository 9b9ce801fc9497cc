import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { raceAbort } from "../../src/base/abort.ts";
import { sleep } from "../../src/base/clock.ts";
import { Closers } from "../../src/base/closers.ts";
import { parseMessageId } from "../../src/base/message-id.ts";
import { ManualClock } from "../manual-clock.ts";

describe("raceAbort", () => {
  test("passes the result on and leaves no listener", async () => {
    const { signal } = new AbortController();
    await expect(raceAbort(Promise.resolve(7), signal)).resolves.toBe(7);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("rejects with the reason itself and hands a late result to be disposed of", async () => {
    const controller = new AbortController();
    const late: number[] = [];
    let finish: (value: number) => void = () => {};
    const work = new Promise<number>((resolve) => {
      finish = resolve;
    });
    const race = raceAbort(work, controller.signal, (value) => late.push(value));
    const reason = new Error("left");
    controller.abort(reason);
    await expect(race).rejects.toBe(reason);
    finish(42);
    await work;
    expect(late).toEqual([42]);
  });
});

describe("sleep", () => {
  test("wakes when the clock says so, and not a moment earlier", async () => {
    const clock = new ManualClock();
    let woke = false;
    const slept = sleep(clock, 100, new AbortController().signal).then(() => {
      woke = true;
    });
    clock.advance(99);
    await Promise.resolve();
    expect(woke).toBe(false);
    clock.advance(1);
    await slept;
    expect(woke).toBe(true);
  });

  test("ends with the signal's reason and leaves no timer", async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const slept = sleep(clock, 100, controller.signal);
    const reason = new Error("left");
    controller.abort(reason);
    await expect(slept).rejects.toBe(reason);
    expect(clock.timers).toBe(0);
  });
});

describe("Closers", () => {
  test("closes in reverse order, once, and one failure does not stop the others", async () => {
    const order: string[] = [];
    const closers = new Closers();
    closers.defer(() => void order.push("first"));
    closers.defer(() => {
      throw new Error("second fails");
    });
    closers.use({ [Symbol.asyncDispose]: async () => void order.push("third") });
    await expect(closers[Symbol.asyncDispose]()).rejects.toThrow("second fails");
    await closers[Symbol.asyncDispose]();
    expect(order).toEqual(["third", "first"]);
  });
});

describe("parseMessageId", () => {
  test.each([
    ["<abc@example.com>", "abc@example.com"],
    ["  abc$1-2@x  ", "abc$1-2@x"],
    ["no-at-sign", "no-at-sign"],
  ])("takes %j", (text, id) => {
    expect(parseMessageId(text)).toBe(id);
  });

  test.each([
    ["a\r\nQUIT", "a line end"],
    ["a b@x", "a space"],
    ["a\u0000b", "a control character"],
    ["é@x", "a character beyond ASCII"],
    ["<<a@x>>", "brackets inside"],
    ["", "nothing"],
    ["<>", "nothing between brackets"],
    ["x".repeat(249), "more than 248 octets"],
  ])("refuses %j: %s", (text) => {
    expect(parseMessageId(text)).toBeUndefined();
  });
});
