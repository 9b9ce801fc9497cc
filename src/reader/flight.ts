import { crc32 } from "node:zlib";
import type { Clock } from "../base/clock.ts";
import { ArticleError } from "../base/errors.ts";
import type { Slot } from "../base/slot.ts";
import type { Segment } from "../catalog/catalog.ts";
import type { FetchOptions, Spare } from "../nntp/article-source.ts";
import type { FetchTrace } from "../nntp/fetch-trace.ts";
import type { Lane } from "../nntp/lanes.ts";
import { Interest } from "./interest.ts";
import type { PinnedSlot, SlotPool } from "./slots.ts";

const OVER = new Error("the segment is here");

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
  /** Pinned as well: where bytes came from that it may still be sending, while another slot is shown. */
  lent: PinnedSlot | undefined;
  /** Whether it was given bytes before they were verified. */
  tookEarly: boolean;
}

export interface FlightContext {
  /** Gets the segment into the slot; resolves when it is whole and verified. */
  readonly fetch: (into: Slot, options: FetchOptions) => Promise<void>;
  readonly slots: SlotPool;
  readonly clock: Clock;
  readonly trace: FetchTrace;
  /** Whose turn it takes among the streams. */
  readonly stream?: object | undefined;
  /** The segment is in the slot, whole and verified; the slot's pin passes to the callee. */
  readonly onArrived: (flight: Flight, slot: PinnedSlot) => void;
  readonly onFailed: (flight: Flight) => void;
}

/** A slot that is being filled, pinned for the flight. */
interface Track {
  slot: PinnedSlot;
  filled: number;
}

/**
 * One fetch of one segment, and everyone who waits for it.
 * The decoded prefix is visible while it grows. When an attempt breaks off whose bytes somebody has, nothing more is shown
 * before another one is verified, and whoever got bytes that turn out to differ is failed. Bytes that may still be on their way to a
 * client are never written over: the other attempt then fills another slot. A second try beside the first fills a slot of its own,
 * and is shown instead as long as nobody has been given bytes of the first.
 */
export class Flight {
  readonly segment: Segment;
  readonly interest: Interest;
  readonly #context: FlightContext;
  readonly #controller = new AbortController();
  readonly #waiters = new Set<Waiter>();
  readonly #passengers = new Set<Passenger>();
  #main: Track | undefined;
  #spare: Track | undefined;
  /** The one that is shown. */
  #shown: Track | undefined;
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

  get trace(): FetchTrace {
    return this.#context.trace;
  }

  /** More than half of it is here already, so that throwing it away would be a waste. */
  get isMostlyHere(): boolean {
    return Math.max(this.#main?.filled ?? 0, this.#spare?.filled ?? 0) * 2 > this.segment.size;
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
    if (this.#shown !== undefined) pinFor(passenger, this.#shown.slot);
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
    if (this.#shown === undefined || this.#visible < bytes) return undefined;
    if (this.#outcome === undefined) {
      passenger.tookEarly = true;
      this.#handedOut = Math.max(this.#handedOut, this.#visible);
    }
    return Promise.resolve(this.#shown.slot.bytes.subarray(0, this.#visible));
  }

  async #fly(): Promise<PinnedSlot> {
    const { signal } = this.#controller;
    const { fetch, trace, stream, clock } = this.#context;
    const slot = await this.#acquire();
    trace.slotAt = clock.now();
    const main: Track = { slot, filled: 0 };
    this.#main = main;
    this.#show(main);
    signal.throwIfAborted();
    const into = { bytes: slot.bytes };
    let hasSpareWon = false;
    const { size, begin, encodedSize, post } = this.segment;
    // Every property is there, so that all fetches are of one shape.
    await fetch(into, {
      signal,
      urgency: this.interest,
      expect: { size, begin },
      encodedSize,
      stream,
      post,
      only: undefined,
      trace,
      onProgress: (filled) => this.#progress(main, filled),
      onRestart: () => this.#restart(main, into),
      spare: this.#spareTry(() => {
        hasSpareWon = true;
      }),
    });
    return hasSpareWon ? this.#settleOn(this.#spare as Track, main) : this.#settleOn(main, this.#spare);
  }

  #acquire(): Promise<PinnedSlot> {
    const { signal } = this.#controller;
    return this.#context.slots.acquire(this.segment.size, { urgency: this.interest, signal });
  }

  #spareTry(onWon: () => void): Spare {
    let track: Track | undefined;
    let hasWon = false;
    return {
      take: (): Slot | undefined => {
        const slot = this.#context.slots.takeNow(this.segment.size);
        if (slot === undefined) return undefined;
        track = { slot, filled: 0 };
        this.#spare = track;
        return slot;
      },
      onProgress: (filled) => {
        if (track !== undefined) this.#progress(track, filled);
      },
      won: () => {
        hasWon = true;
        onWon();
      },
      done: () => {
        if (track === undefined || hasWon || this.#spare !== track) return;
        this.#spare = undefined;
        if (this.#shown === track) this.#showInstead(track);
        track.slot.unpin();
      },
    };
  }

  /** The second try has come to nothing: no more of it is handed out, and the first one is no longer kept from view. */
  #showInstead(spare: Track): void {
    if (this.#handedOut > 0) this.#leaveTrail(spare);
    const main = this.#main as Track;
    this.#show(main);
    this.#progress(main, main.filled);
  }

  /** The one that is right has the flight's pin; the other one's is given back. */
  #settleOn(right: Track, other: Track | undefined): PinnedSlot {
    if (this.#shown !== right) {
      if (this.#trail === undefined && this.#handedOut > 0 && this.#shown !== undefined) this.#leaveTrail(this.#shown);
      this.#show(right);
    }
    if (other !== undefined && (other === this.#main || other === this.#spare)) other.slot.unpin();
    this.#main = undefined;
    this.#spare = undefined;
    // A first try that lost may be waiting for memory.
    if (other !== undefined) this.#controller.abort(OVER);
    return right.slot;
  }

  #progress(track: Track, filled: number): void {
    track.filled = filled;
    if (this.#trail !== undefined) return;
    if (track !== this.#shown) {
      // Nobody has seen anything of the one that is shown, and this one is ahead of it.
      if (this.#handedOut > 0 || filled <= (this.#shown?.filled ?? 0)) return;
      this.#show(track);
    }
    this.#visible = Math.max(this.#visible, Math.min(filled, this.segment.size - HOLD_BACK_BYTES));
    this.#serve();
  }

  /** Passengers look at this slot from now on; those who have bytes of another one keep it until they have done with them. */
  #show(track: Track): void {
    const before = this.#shown;
    this.#shown = track;
    for (const passenger of this.#passengers) {
      if (passenger.slot === track.slot) continue;
      if (passenger.slot !== undefined) {
        if (passenger.tookEarly && passenger.lent === undefined) passenger.lent = passenger.slot;
        else passenger.slot.unpin();
      }
      pinFor(passenger, track.slot);
    }
    if (before !== undefined) this.#visible = 0;
  }

  #leaveTrail({ slot }: Track): void {
    this.#trail = { length: this.#handedOut, crc: crc32(slot.bytes.subarray(0, this.#handedOut)) };
  }

  #restart(main: Track, into: { bytes: Buffer }): Promise<void> | undefined {
    main.filled = 0;
    if (this.#shown !== main) return undefined;
    this.#visible = 0;
    if (this.#trail !== undefined) return undefined;
    const early = [...this.#passengers].filter(({ tookEarly }) => tookEarly);
    if (early.length === 0) {
      this.#handedOut = 0;
      return undefined;
    }
    this.#leaveTrail(main);
    const waiting = new Set(Array.from(this.#waiters, ({ passenger }) => passenger));
    return early.every((passenger) => waiting.has(passenger)) ? undefined : this.#moveOut(main, into);
  }

  /** Bytes of the old slot may still be on their way: it is left as it is to those who have them. */
  async #moveOut(main: Track, into: { bytes: Buffer }): Promise<void> {
    const slot = await this.#acquire();
    if (this.#main !== main) {
      // The second try has won meanwhile.
      slot.unpin();
      return;
    }
    const old = main.slot;
    main.slot = slot;
    into.bytes = slot.bytes;
    this.#show(main);
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
    this.#context.onFailed(this);
    this.#serve();
    for (const track of new Set([this.#main, this.#spare])) track?.slot.unpin();
    this.#main = undefined;
    this.#spare = undefined;
    this.#shown = undefined;
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
