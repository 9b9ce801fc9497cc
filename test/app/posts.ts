import { patternContent } from "../../src/newsserver/content.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import type { System } from "./fixture.ts";

/** Decoded bytes of each part of a fresh post. */
export const FRESH_PART = 20_000;

/** A post of so many files that nobody has imported, as an NZB; all its message-ids begin with the prefix. */
export function freshNzb(system: System, idPrefix: string, files = 1): string {
  const posted = Array.from({ length: files }, (_, number) =>
    system.store.addFile({
      name: `a${number}.mkv`,
      content: patternContent(number, 10 * FRESH_PART + number),
      partSize: FRESH_PART,
      idPrefix: `${idPrefix}${number}`,
    }),
  );
  return toNzb(posted);
}
