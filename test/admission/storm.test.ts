import { expect, test } from "@jest/globals";
import type { StreamTicket } from "../../src/admission/admission.ts";
import { AdmissionController } from "../../src/admission/controller.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { ManualClock } from "../manual-clock.ts";
import { seededRandom } from "../random.ts";

const WORKERS = 32;
const OPERATIONS = 30_000;

/** Everything that can happen to the gates, in any order; time passes only when an operation says so. */
class Storm {
  readonly #clock = new ManualClock();
  readonly #random = seededRandom(11);
  readonly #streams: StreamTicket[] = [];
  #left = OPERATIONS;
  #runningBefore = 0;
  #granted = 0;
  readonly admission = new AdmissionController({
    limits: {
      connections: 30,
      maxJobs: 4,
      maxJobsWhileStreaming: 1,
      perStreamConnections: 2,
      floor: 1,
      holdOffMs: 500,
    },
    clock: this.#clock,
    log: silentLogger,
  });

  get granted(): number {
    return this.#granted;
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: WORKERS }, () => this.#work()));
    for (const ticket of this.#streams) ticket[Symbol.dispose]();
    this.#clock.advance(1_000);
  }

  async #work(): Promise<void> {
    while (this.#left > 0) {
      this.#left -= 1;
      const dice = this.#random();
      if (dice < 0.6) await this.#job();
      else this.#change(dice);
      this.#check();
    }
    // Whoever still waits must not wait for a stream that nobody ends any more.
    this.admission.change({ maxJobs: WORKERS, maxJobsWhileStreaming: WORKERS });
  }

  async #job(): Promise<void> {
    const controller = new AbortController();
    if (this.#random() < 0.3) queueMicrotask(() => controller.abort(new Error("left")));
    else if (this.#random() < 0.2) setImmediate(() => controller.abort(new Error("left")));
    // Nobody waits for ever while all workers are at the gate.
    const nudge = setImmediate(() => this.#clock.advance(2_000));
    try {
      using ticket = await this.admission.admitJob({ signal: controller.signal });
      this.#granted += 1;
      if (this.#random() < 0.2) await new Promise((resolve) => setImmediate(resolve));
      if (this.#random() < 0.1) ticket[Symbol.dispose]();
    } catch (error) {
      expect((error as Error).message).toBe("left");
    } finally {
      clearImmediate(nudge);
    }
  }

  #change(dice: number): void {
    this.#check();
    const any = (most: number) => Math.floor(this.#random() * most);
    if (dice < 0.7) this.#streams.push(this.admission.openStream({ key: `${any(5)}` }));
    else if (dice < 0.8) this.#streams.splice(any(this.#streams.length), 1)[0]?.[Symbol.dispose]();
    else if (dice < 0.9) this.#streams[any(this.#streams.length)]?.touch();
    else if (dice < 0.95) this.#clock.advance(any(400));
    else this.admission.change({ maxJobs: 1 + any(8), maxJobsWhileStreaming: any(3), holdOffMs: any(1_000) });
  }

  /** After each operation: more than the limit run only while what ran before drains. */
  #check(): void {
    const { streams, jobs, connections } = this.admission.state;
    if (jobs.running > jobs.limit && jobs.running > this.#runningBefore) {
      throw new Error(`${jobs.running} jobs run where ${jobs.limit} may, after ${this.#runningBefore}`);
    }
    this.#runningBefore = jobs.running;
    if (streams < 0 || streams > 5) throw new Error(`${streams} streams are active`);
    if (connections.imports < 1 || connections.imports > 30) throw new Error(`imports hold ${connections.imports}`);
  }
}

test(`${WORKERS} workers and ${OPERATIONS} random operations neither deadlock nor exceed a limit, and streams never go negative`, async () => {
  const storm = new Storm();
  await storm.run();
  expect(storm.granted).toBeGreaterThan(OPERATIONS / 10);
  expect(storm.admission.state).toMatchObject({ streams: 0, jobs: { running: 0, waiting: 0, limit: WORKERS } });
});
