import { setImmediate } from "node:timers/promises";

const AT_ONCE = 25;

/** Does it for each, giving way to what else the process has to do after every few. */
export async function inTurn<T>(items: readonly T[], act: (item: T) => void): Promise<void> {
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % AT_ONCE === 0) await setImmediate();
    act(item);
  }
}
