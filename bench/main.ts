import { cpus } from "node:os";
import { useCubic } from "./congestion-control.ts";
import { Report } from "./report.ts";
import type { Topic } from "./topic.ts";
import { archived } from "./topics/archived.ts";
import { barrier } from "./topics/barrier.ts";
import { catalog } from "./topics/catalog.ts";
import { fill } from "./topics/fill.ts";
import { imports } from "./topics/imports.ts";
import { memory } from "./topics/memory.ts";
import { prefetch } from "./topics/prefetch.ts";
import { queue } from "./topics/queue.ts";
import { scrub } from "./topics/scrub.ts";
import { seek } from "./topics/seek.ts";
import { sequential } from "./topics/sequential.ts";
import { watching } from "./topics/watching.ts";
import { webdav } from "./topics/webdav.ts";

const TOPICS: readonly Topic[] = [
  sequential,
  prefetch,
  barrier,
  seek,
  fill,
  scrub,
  memory,
  catalog,
  webdav,
  archived,
  imports,
  queue,
  watching,
];

const wanted = process.argv.slice(2);
const isQuick = wanted.includes("--quick");
const names = wanted.filter((word) => word !== "--quick");
const unknown = names.filter((name) => !TOPICS.some((topic) => topic.name === name));
if (unknown.length > 0) {
  console.log(`usage: npm run bench -- [--quick] [topic...]\n`);
  for (const { name, about, seconds } of TOPICS) console.log(`  ${name.padEnd(12)} ${about} (${seconds[0]} s)`);
  process.exit(2);
}

const [core] = cpus();
console.log(
  `newsreel benchmark${isQuick ? ", quick" : ""}: node ${process.version}, ${cpus().length} x ${core?.model}`,
);
console.log(`${useCubic()}; MB and GB are powers of ten, of decoded content`);
const report = new Report();
const startedAt = performance.now();
for (const topic of TOPICS) {
  if (names.length > 0 && !names.includes(topic.name)) continue;
  console.log(`\n## ${topic.name}: ${topic.about} (about ${topic.seconds[isQuick ? 1 : 0]} s)`);
  const topicStartedAt = performance.now();
  try {
    for await (const table of topic.run({ isQuick })) report.print(table);
  } catch (error) {
    // The other topics have their own processes: they are measured all the same.
    console.log(`\nFAILED ${topic.name}: ${error instanceof Error ? error.stack : error}`);
    process.exitCode = 1;
  }
  console.log(`\n(${seconds(topicStartedAt)} s)`);
}
report.summarize();
console.log(`${seconds(startedAt)} s altogether`);

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(0);
}
