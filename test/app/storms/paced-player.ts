import type { ManualClock } from "../../manual-clock.ts";
import { take } from "../client.ts";
import type { Film, System } from "../fixture.ts";
import { moment } from "../wire.ts";

/** So much of the film is taken at one go. */
const STEP_MS = 10;
/** A player that has had nothing for so long, on his own clock, is not told any more why. */
const LONGEST_MS = 10_000;

/** Somebody who watches a film at its pace on a clock that only he moves: so much of it, so much time. */
export class PacedPlayer {
  readonly #system: System;
  readonly #clock: ManualClock;
  readonly #film: Film;
  readonly #stepBytes: number;
  readonly #chunks: Buffer[] = [];
  #response: Awaited<ReturnType<System["open"]>> | undefined;
  #taken = 0;

  constructor(system: System, { clock, film, bytesPerSecond }: PacedPlayerOptions) {
    this.#system = system;
    this.#clock = clock;
    this.#film = film;
    this.#stepBytes = (bytesPerSecond * STEP_MS) / 1000;
  }

  get isAtEnd(): boolean {
    return this.#taken >= this.#film.size;
  }

  /** Resolves when the first bytes are there. */
  async start(): Promise<void> {
    this.#response = await this.#inTime(this.#system.open(this.#film.path));
    await this.step();
  }

  /** Takes what is due by the next step. Where it does not come, time goes on. */
  async step(): Promise<void> {
    if (this.#response === undefined) throw new Error("the film has not begun");
    this.#clock.advance(STEP_MS);
    const bytes = await this.#inTime(take(this.#response, Math.min(this.#stepBytes, this.#film.size - this.#taken)));
    this.#taken += bytes.length;
    this.#chunks.push(bytes);
  }

  /** Watches until it is so, leaving the others their moment at each step; fails at the end of the film. */
  async watchUntil(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.isAtEnd) throw new Error(`it did not come true before the end of the film: ${isSo}`);
      await this.step();
      await moment();
    }
  }

  /** Watches to the end; whether all that came is the film. */
  async finish(): Promise<boolean> {
    while (!this.isAtEnd) await this.step();
    return Buffer.concat(this.#chunks).equals(this.#film.content.read(0, this.#film.size));
  }

  /** A player's time does not stand still because nothing comes. */
  async #inTime<T>(coming: Promise<T>): Promise<T> {
    let isHere = false;
    const here = () => {
      isHere = true;
    };
    coming.then(here, here);
    await Promise.race([coming, moment()]);
    for (let steps = 0; !isHere; steps += 1) {
      if (steps > LONGEST_MS / STEP_MS) throw new Error(`nothing comes after ${this.#taken} bytes`);
      this.#clock.advance(STEP_MS);
      await moment();
    }
    return await coming;
  }
}

export interface PacedPlayerOptions {
  readonly clock: ManualClock;
  readonly film: Film;
  readonly bytesPerSecond: number;
}
