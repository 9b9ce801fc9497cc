import { crc32 } from "node:zlib";
import { ArticleError } from "../base/errors.ts";
import type { Segment } from "../catalog/catalog.ts";
import type { ArticleSource } from "../nntp/article-source.ts";
import type { Lane } from "../nntp/lanes.ts";
import { fetchPart } from "./fetch-part.ts";
import { Interest } from "./interest.ts";
import type { PinnedSlot, SlotPool } from "./slots.ts";

/** The end of a segment that nobody sees before its checksum is known, so that a bad one never completes. */
const HOLD_BACK_BYTES = 16 * 1024;

interface Waiter {
  readonly bytes: number;
  readonly passenger: Passenger;
  readonly resolve: (prefix: Buffer) => void;
  readonly reject: (error: unknown) => void;
}

/** Somebody who reads a segment while it arrives, and keeps its slot from being reused. */
export interface Passenger {
  /** Pinned for this passenger; undefined until the flight has one. */
  slot: PinnedSlot | undefined;
  /** Pinned as well: where bytes came from that it may still be sending, while another attempt fills `slot`. */
  lent: PinnedSlot | undefined;
  /** Whether it was given bytes before they were verified. */
  tookEarly: boolean;
}

export interface FlightContext {
  readonly source: ArticleSource;
  readonly slots: SlotPool;
  /** The segment is in the slot, whole and verified; the slot's pin passes to the callee. */
  readonly onArrived: (flight: Flight, slot: PinnedSlot) => void;
  /** When the article itself is at fault the flight may be kept, to tell it to those who wished for it in advance. */
  readonly onFailed: (flight: Flight, error: unknown) => void;
}

/**
 * One fetch of one segment, and everyone who waits for it.
 * The decoded prefix is visible while it grows. When an attempt breaks off whose bytes somebody has, nothing more is shown
 * before another one is verified, and whoever got bytes that turn out to differ is failed. Bytes that may still be on their way to a
 * client are never written over: the other attempt then fills another slot.
 */
export class Flight {
  readonly segment: Segment;
  readonly interest: Interest;
  readonly #context: FlightContext;
  readonly #controller = new AbortController();
  readonly #waiters = new Set<Waiter>();
  readonly #passengers = new Set<Passenger>();
  #slot: PinnedSlot | undefined;
  #filled = 0;
  #visible = 0;
  #handedOut = 0;
  #trail: { readonly length: number; readonly crc: number } | undefined;
  #outcome: { readonly kind: "arrived" } | { readonly kind: "failed"; readonly error: unknown } | undefined;
  #isTrailWrong = false;

  constructor(segment: Segment, lane: Lane, context: FlightContext) {
    this.segment = segment;
    this.interest = new Interest(lane);
    this.#context = context;
  }

  /** More than half of it is here already, so that throwing it away would be a waste. */
  get isMostlyHere(): boolean {
    return this.#filled * 2 > this.segment.size;
  }

  get hasFailed(): boolean {
    return this.#outcome?.kind === "failed";
  }

  start(): void {
    this.#fly().then(
      (slot) => this.#arrive(slot),
      (error) => this.#fail(error),
    );
  }

  /** Nobody wants it any more. */
  cancel(reason: Error): void {
    this.#controller.abort(reason);
  }

  /** From here on the slot, as soon as there is one, stays pinned until `leave`. */
  board(): Passenger {
    const passenger: Passenger = { slot: undefined, lent: undefined, tookEarly: false };
    this.#passengers.add(passenger);
    if (this.#slot !== undefined) pinFor(passenger, this.#slot);
    return passenger;
  }

  leave(passenger: Passenger): void {
    this.#passengers.delete(passenger);
    giveBack(passenger);
    passenger.slot?.unpin();
  }

  /**
   * The decoded prefix once it holds at least `bytes`; rejects when the article turns out bad, or with the signal's reason.
   * Who asks has done with what was given before.
   */
  ready(bytes: number, passenger: Passenger, signal: AbortSignal): Promise<Buffer> {
    if (signal.aborted) return Promise.reject(signal.reason);
    giveBack(passenger);
    const now = this.#give(bytes, passenger);
    if (now !== undefined) return now;
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        bytes,
        passenger,
        resolve: (prefix) => {
          signal.removeEventListener("abort", leave);
          resolve(prefix);
        },
        reject: (error) => {
          signal.removeEventListener("abort", leave);
          reject(error);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiters.add(waiter);
    });
  }

  #give(bytes: number, passenger: Passenger): Promise<Buffer> | undefined {
    if (this.#outcome?.kind === "failed") return Promise.reject(this.#outcome.error);
    if (this.#isTrailWrong && passenger.tookEarly) return Promise.reject(wrongPrefix(this.segment));
    if (this.#slot === undefined || this.#visible < bytes) return undefined;
    if (this.#outcome === undefined) {
      passenger.tookEarly = true;
      this.#handedOut = Math.max(this.#handedOut, this.#visible);
    }
    return Promise.resolve(this.#slot.bytes.subarray(0, this.#visible));
  }

  async #fly(): Promise<PinnedSlot> {
    const { signal } = this.#controller;
    const slot = await this.#context.slots.acquire(this.segment.size, { urgency: this.interest, signal });
    this.#slot = slot;
    for (const passenger of this.#passengers) pinFor(passenger, slot);
    signal.throwIfAborted();
    const into = { bytes: slot.bytes };
    await fetchPart(this.#context.source, this.segment, into, {
      signal,
      urgency: this.interest,
      onProgress: (filled) => this.#progress(filled),
      onRestart: () => this.#restart(into),
    });
    return this.#slot;
  }

  #progress(filled: number): void {
    this.#filled = filled;
    if (this.#trail !== undefined) return;
    this.#visible = Math.max(this.#visible, Math.min(filled, this.segment.size - HOLD_BACK_BYTES));
    this.#serve();
  }

  #restart(into: { bytes: Buffer }): Promise<void> | undefined {
    this.#filled = 0;
    this.#visible = 0;
    const early = [...this.#passengers].filter(({ tookEarly }) => tookEarly);
    if (this.#slot === undefined || this.#trail !== undefined) return undefined;
    if (early.length === 0) {
      this.#handedOut = 0;
      return undefined;
    }
    this.#trail = { length: this.#handedOut, crc: crc32(this.#slot.bytes.subarray(0, this.#handedOut)) };
    const waiting = new Set(Array.from(this.#waiters, ({ passenger }) => passenger));
    return early.every((passenger) => waiting.has(passenger)) ? undefined : this.#moveOut(this.#slot, into);
  }

  /** Bytes of the old slot may still be on their way: it is left as it is to those who have them. */
  async #moveOut(old: PinnedSlot, into: { bytes: Buffer }): Promise<void> {
    const { signal } = this.#controller;
    const slot = await this.#context.slots.acquire(this.segment.size, { urgency: this.interest, signal });
    this.#slot = slot;
    into.bytes = slot.bytes;
    for (const passenger of this.#passengers) {
      if (passenger.tookEarly) passenger.lent = old;
      else old.unpin();
      pinFor(passenger, slot);
    }
    old.unpin();
  }

  #arrive(slot: PinnedSlot): void {
    this.#outcome = { kind: "arrived" };
    this.#visible = this.segment.size;
    if (this.#trail !== undefined) {
      this.#isTrailWrong = crc32(slot.bytes.subarray(0, this.#trail.length)) !== this.#trail.crc;
    }
    this.#serve();
    this.#context.onArrived(this, slot);
  }

  #fail(error: unknown): void {
    this.#outcome = { kind: "failed", error };
    this.#context.onFailed(this, error);
    this.#serve();
    this.#slot?.unpin();
    this.#slot = undefined;
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const given = this.#give(waiter.bytes, waiter.passenger);
      if (given === undefined) continue;
      this.#waiters.delete(waiter);
      given.then(waiter.resolve, waiter.reject);
    }
  }
}

function pinFor(passenger: Passenger, slot: PinnedSlot): void {
  slot.pin();
  passenger.slot = slot;
}

function giveBack(passenger: Passenger): void {
  passenger.lent?.unpin();
  passenger.lent = undefined;
}

function wrongPrefix(segment: Segment): ArticleError {
  return new ArticleError(
    "ARTICLE_CORRUPT",
    `bytes of article ${segment.id} that were sent early turned out to be wrong`,
    {
      hint: "ask for the range again; a sound copy is in the cache now",
    },
  );
}
