import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Cancel } from "../base/seekable-file.ts";

/** Items that become JSON at a time: about a millisecond's work. */
const AT_ONCE = 200;

/** A list within an answer whose items are made while they are turned into JSON, so that nobody waits for ten thousand of them. */
export class LongList<T extends object> {
  readonly length: number;
  readonly at: (index: number) => T;

  constructor(length: number, at: (index: number) => T) {
    this.length = length;
    this.at = at;
  }
}

/** An answer as JSON in UTF-8. Gives way to what else the process has to do after every few items. Rejects with the signal's reason. */
export async function jsonOf(answer: object, { signal }: Cancel): Promise<readonly Buffer[]> {
  const lists: LongList<object>[] = [];
  // Nobody who names things can foresee it.
  const mark = randomUUID();
  const text = JSON.stringify(answer, (_, value: unknown) => {
    if (!(value instanceof LongList)) return value;
    lists.push(value as LongList<object>);
    return mark;
  });
  const [head = "", ...rest] = text.split(`"${mark}"`);
  const pieces = [Buffer.from(head)];
  for (const [number, after] of rest.entries()) {
    const { length, at } = lists[number] as LongList<object>;
    for (let start = 0; start < length; start += AT_ONCE) {
      if (start > 0) await setImmediate();
      signal.throwIfAborted();
      const items = Array.from({ length: Math.min(AT_ONCE, length - start) }, (_, index) => at(start + index));
      const open = start === 0 ? "[" : ",";
      pieces.push(Buffer.from(open + JSON.stringify(items).slice(1, -1)));
    }
    pieces.push(Buffer.from((length === 0 ? "[]" : "]") + after));
  }
  return pieces;
}
