import { describe, expect, test } from "@jest/globals";
import { Limiter } from "../../src/base/limiter.ts";
import { seededRandom } from "../random.ts";

const never = new AbortController().signal;

/** Lets every promise that can settle do so. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

async function isGranted(ticket: Promise<Disposable>): Promise<boolean> {
  let granted = false;
  ticket.then(
    () => {
      granted = true;
    },
    () => {},
  );
  await settle();
  return granted;
}

describe("Limiter", () => {
  test("blocks at its cap", async () => {
    const limiter = new Limiter(2);
    await limiter.acquire({ signal: never });
    await limiter.acquire({ signal: never });
    expect(await isGranted(limiter.acquire({ signal: never }))).toBe(false);
    expect(limiter.used).toBe(2);
    expect(limiter.waiting).toBe(1);
  });

  test("grants in order of asking, and a newcomer never passes the queue", async () => {
    const limiter = new Limiter(1);
    const first = await limiter.acquire({ signal: never });
    const order: number[] = [];
    const waits = [1, 2, 3].map((n) =>
      limiter.acquire({ signal: never }).then((ticket) => {
        order.push(n);
        ticket[Symbol.dispose]();
      }),
    );
    first[Symbol.dispose]();
    const newcomer = limiter.acquire({ signal: never }).then((ticket) => {
      order.push(4);
      ticket[Symbol.dispose]();
    });
    await Promise.all([...waits, newcomer]);
    expect(order).toEqual([1, 2, 3, 4]);
  });

  test("raising the cap wakes as many as fit", async () => {
    const limiter = new Limiter(0);
    const waits = [1, 2, 3].map(() => limiter.acquire({ signal: never }));
    limiter.setCap(2);
    expect(await Promise.all(waits.map(isGranted))).toEqual([true, true, false]);
  });

  test("lowering the cap below what is out grants nothing until it drains", async () => {
    const limiter = new Limiter(3);
    const held = await Promise.all([1, 2, 3].map(() => limiter.acquire({ signal: never })));
    limiter.setCap(1);
    const waiting = limiter.acquire({ signal: never });
    held[0]?.[Symbol.dispose]();
    held[1]?.[Symbol.dispose]();
    expect(await isGranted(waiting)).toBe(false);
    held[2]?.[Symbol.dispose]();
    expect(await isGranted(waiting)).toBe(true);
  });

  test("cancelling a waiter removes it and rejects with the reason itself", async () => {
    const limiter = new Limiter(1);
    const held = await limiter.acquire({ signal: never });
    const controller = new AbortController();
    const reason = new Error("left");
    const waiting = limiter.acquire({ signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(limiter.waiting).toBe(0);
    held[Symbol.dispose]();
    expect(limiter.used).toBe(0);
  });

  test("releasing twice is harmless", async () => {
    const limiter = new Limiter(1);
    const ticket = await limiter.acquire({ signal: never });
    ticket[Symbol.dispose]();
    ticket[Symbol.dispose]();
    expect(limiter.used).toBe(0);
    await limiter.acquire({ signal: never });
    expect(await isGranted(limiter.acquire({ signal: never }))).toBe(false);
  });

  test("an aborted signal is refused without taking a place", async () => {
    const limiter = new Limiter(1);
    const reason = new Error("too late");
    await expect(limiter.acquire({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(limiter.used).toBe(0);
  });

  test("32 workers and 30 000 random operations neither deadlock nor exceed the cap", async () => {
    const random = seededRandom(7);
    const limiter = new Limiter(5);
    let running = 0;
    let cap = 5;
    let worst = 0;
    async function worker(): Promise<void> {
      for (let n = 0; n < 940; n += 1) {
        const controller = new AbortController();
        if (random() < 0.1) queueMicrotask(() => controller.abort(new Error("left")));
        try {
          using _ticket = await limiter.acquire({ signal: controller.signal });
          running += 1;
          worst = Math.max(worst, running - Math.max(cap, 8));
          if (random() < 0.3) await settle();
          running -= 1;
        } catch (error) {
          expect((error as Error).message).toBe("left");
        }
        if (random() < 0.02) {
          cap = 1 + Math.floor(random() * 8);
          limiter.setCap(cap);
        }
      }
    }
    await Promise.all(Array.from({ length: 32 }, worker));
    expect(worst).toBeLessThanOrEqual(0);
    expect(limiter.used).toBe(0);
    expect(limiter.waiting).toBe(0);
  });
});
