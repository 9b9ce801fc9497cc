import { describe, expect, test } from "@jest/globals";
import { StallWatch } from "../../src/nntp/stall-watch.ts";
import { ManualClock } from "../manual-clock.ts";

/** Counts when it is looked at. */
function watched() {
  const looks: number[] = [];
  return { looks, look: (now: number) => void looks.push(now) };
}

describe("StallWatch", () => {
  test("looks at all that run, twenty times a second, with one timer", () => {
    const clock = new ManualClock();
    const watch = new StallWatch(clock);
    const all = [watched(), watched(), watched()];
    for (const each of all) watch.add(each);
    expect(clock.timers).toBe(1);
    clock.advance(200);
    expect(all.map(({ looks }) => looks)).toEqual(Array(3).fill([50, 100, 150, 200]));
    expect(clock.timers).toBe(1);
  });

  test("has no timer while nothing runs", () => {
    const clock = new ManualClock();
    const watch = new StallWatch(clock);
    const one = watched();
    watch.add(one);
    watch.remove(one);
    clock.advance(50);
    expect(clock.timers).toBe(0);
    watch.add(one);
    clock.advance(50);
    expect(one.looks).toEqual([100]);
  });

  test("what ends while others are looked at is not looked at any more", () => {
    const clock = new ManualClock();
    const watch = new StallWatch(clock);
    const last = watched();
    watch.add({ look: () => watch.remove(last) });
    watch.add(last);
    clock.advance(100);
    expect(last.looks).toEqual([]);
  });

  test("does not look when it is called too late: the process itself stood still", () => {
    const manual = new ManualClock();
    let blockedMs = 0;
    const clock = {
      now: () => manual.now() + blockedMs,
      wall: () => manual.wall(),
      after: (ms: number, call: () => void) => manual.after(ms, call),
      every: (ms: number, call: () => void) => manual.every(ms, call),
    };
    const watch = new StallWatch(clock);
    const one = watched();
    watch.add(one);
    manual.advance(50);
    blockedMs = 50;
    manual.advance(50);
    expect(one.looks).toEqual([50]);
    // Once sockets have had their turn, silence is silence again.
    manual.advance(50);
    expect(one.looks).toEqual([50, 200]);
    blockedMs += 49;
    manual.advance(50);
    expect(one.looks).toEqual([50, 200, 299]);
  });
});
