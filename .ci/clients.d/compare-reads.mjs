// Reads the pattern file at random places from several processes at once and compares every byte.
//   node .ci/clients.d/compare-reads.mjs <file> <processes> <reads of each>

import { fork } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { patternContent } from "../../dist/newsserver/content.js";

const [path, processes, reads, seed] = process.argv.slice(2);

async function compare(random) {
  const file = await open(path);
  const { size } = await file.stat();
  const content = patternContent(1, size);
  for (let n = 0; n < Number(reads); n += 1) {
    const length = 1 + Math.floor(random() * 200_000);
    const start = Math.floor(random() * (size - length));
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, start);
    if (bytesRead !== length) throw new Error(`${bytesRead} bytes at ${start} instead of ${length}`);
    if (!buffer.equals(content.read(start, length))) throw new Error(`other bytes in the ${length} at ${start}`);
  }
  await file.close();
}

/** Mulberry32: the same reads in every run. */
function randomOf(state) {
  let now = state;
  return () => {
    now = (now + 0x6d2b79f5) | 0;
    let mixed = Math.imul(now ^ (now >>> 15), 1 | now);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (seed !== undefined) await compare(randomOf(Number(seed)));
else {
  const script = new URL(import.meta.url).pathname;
  const readers = Array.from({ length: Number(processes) }, (_, n) =>
    fork(script, [path, processes, reads, `${n + 1}`]),
  );
  const codes = await Promise.all(readers.map(async (reader) => (await once(reader, "exit"))[0]));
  if (codes.some((code) => code !== 0)) process.exit(1);
}
