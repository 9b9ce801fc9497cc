import { ManualClock } from "../manual-clock.ts";

/** A clock that stands still until a test moves it, and counts the calls it has made: who sets timers for nothing shows. */
export class CountingClock extends ManualClock {
  /** Timers that have fired. */
  fired = 0;

  override after(ms: number, call: () => void): Disposable {
    return super.after(ms, this.#counted(call));
  }

  override every(ms: number, call: () => void): Disposable {
    return super.every(ms, this.#counted(call));
  }

  #counted(call: () => void): () => void {
    return () => {
      this.fired += 1;
      call();
    };
  }
}
