import type { Lock, LockStore } from "../../src/webdav/lock-table.ts";

/** Locks in memory, which outlive the tables and servers that write to them; can be asked what there is, and be told to fail. */
export class MapLockStore implements LockStore {
  readonly locks = new Map<string, Lock>();
  /** Calls that changed something. */
  changes = 0;
  failure: Error | undefined;

  load(): readonly Lock[] {
    return [...this.locks.values()];
  }

  save(lock: Lock): void {
    this.#change();
    this.locks.set(lock.token, lock);
  }

  delete(tokens: readonly string[]): void {
    this.#change();
    for (const token of tokens) this.locks.delete(token);
  }

  #change(): void {
    if (this.failure !== undefined) throw this.failure;
    this.changes += 1;
  }
}
