import type { Command, Gate } from "../../../src/newsserver/gate.ts";
import type { NewsServer } from "../../../src/newsserver/news-server.ts";

/** One command from its arrival until its answer's last byte has left, or its connection is gone. */
interface Passing {
  readonly command: Command;
  /** Nobody else waits there. */
  readonly gate: Gate;
}

/**
 * What the commands for some articles have under way at a news server, counted as admission counts it: each body, and each connection that
 * has STATs of theirs. Everything passes unless it is closed; disposing opens it for good and ends the count.
 */
export class Turnstile implements Disposable {
  readonly #server: NewsServer;
  readonly #isTheirs: (id: string) => boolean;
  #passing: readonly Passing[] = [];
  #held: Gate[] = [];
  #next: Gate;
  #isClosed = false;
  #max = 0;

  constructor(server: NewsServer, isTheirs: (id: string) => boolean) {
    this.#server = server;
    this.#isTheirs = isTheirs;
    this.#next = this.#gate();
  }

  /** Under way at this moment. */
  get now(): number {
    this.#passing = this.#passing.filter(({ gate }) => gate.waiting > 0);
    return costOf(this.#passing);
  }

  /** The most at once since the start, or since it was counted anew. */
  get max(): number {
    return this.#max;
  }

  countAnew(): void {
    this.#max = this.now;
  }

  /** Resolves when all has ended that is under way at this moment. */
  async gone(): Promise<void> {
    const before = this.#passing;
    while (before.some(({ gate }) => gate.waiting > 0)) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /** Holds back what comes from now on. */
  close(): void {
    this.#isClosed = true;
  }

  /** Lets go what is held; what comes after it is held again. */
  letThrough(): void {
    for (const gate of this.#held) gate.open();
    this.#held = [];
  }

  open(): void {
    this.#isClosed = false;
    this.letThrough();
  }

  [Symbol.dispose](): void {
    this.open();
    this.#next.open();
  }

  /** Waits for the next command; whoever comes after it finds another gate. */
  #gate(): Gate {
    let isTaken = false;
    const gate = this.#server.hold((command) => {
      const { verb, id } = command;
      if (isTaken || !(verb === "BODY" || verb === "STAT") || id === undefined || !this.#isTheirs(id)) return false;
      isTaken = true;
      this.#next = this.#gate();
      this.#passing = [...this.#passing.filter((passing) => passing.gate.waiting > 0), { command, gate }];
      this.#max = Math.max(this.#max, costOf(this.#passing));
      if (this.#isClosed) this.#held.push(gate);
      else gate.open();
      return true;
    });
    return gate;
  }
}

function costOf(passing: readonly Passing[]): number {
  let bodies = 0;
  const asking = new Set<number>();
  for (const { command } of passing) {
    if (command.verb === "BODY") bodies += 1;
    else asking.add(command.connection);
  }
  return bodies + asking.size;
}
