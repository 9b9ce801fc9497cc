import { createHash } from "node:crypto";
import { hintFor } from "../../../src/archive/refusals.ts";
import type { ByteRange } from "../../../src/base/byte-range.ts";
import { seededRandom } from "../../random.ts";
import { bytes } from "../client.ts";
import type { System } from "../fixture.ts";
import { serverOf } from "../wire.ts";
import { sha256Of } from "./contents.ts";
import { type ImportAnswer, importOverHttp } from "./http-import.ts";
import type { PostKind, Refusal, Served } from "./post-kind.ts";
import { postFiles } from "./posting.ts";

/** What importing and reading one post came to. */
export interface Outcome {
  readonly verdict: "served" | "refused";
  readonly volumes: number;
  readonly articles: number;
  readonly bodies: number;
  readonly stats: number;
  readonly importMs: number;
}

const RANGES = 200;
const LONGEST_RANGE = 60_000;
/** Files up to this size are read whole. */
const WHOLE_BYTES = 64 * 2 ** 20;

/** Posts, imports, and reads back over HTTP. Throws an Error that says what is not as it must be. */
export async function runKind(system: System, kind: PostKind, idPrefix: string): Promise<Outcome> {
  const built = kind.build();
  const posted = postFiles(system, idPrefix, built);
  const { counters } = serverOf(system);
  counters.reset();
  const startedAt = performance.now();
  const job = await importOverHttp(system, { name: kind.release, nzb: posted.nzb });
  const importMs = Math.round(performance.now() - startedAt);
  const all = [...posted.files, ...posted.companions];
  // Each file's first article is what it takes at least; the others are shown when there are too many.
  const beyond = [...counters.bodies.keys()].filter((id) => !/-1@/.test(id)).slice(0, 20);
  const cost = { bodies: sum(counters.bodies.values()), stats: sum(counters.stats.values()) };
  const outcome = { volumes: all.length, articles: sum(all.map(({ partCount }) => partCount)), ...cost, importMs };
  if (built.refused !== undefined) await checkRefused(system, job, built.refused);
  else {
    checkListed(job, kind.release, built.serves);
    for (const served of built.serves) await checkServed(system, kind, served);
  }
  const { bodies, stats = 0 } = built.wire;
  if (cost.bodies > bodies || cost.stats > stats) {
    throw new Error(
      `importing took ${cost.bodies} BODY (${beyond.join(" ")}) and ${cost.stats} STAT; allowed are ${bodies} and ${stats}`,
    );
  }
  return { verdict: built.refused === undefined ? "served" : "refused", ...outcome };
}

async function checkRefused(system: System, job: ImportAnswer, { code, reason }: Refusal): Promise<void> {
  if (job.state !== "failed") throw new Error(`not refused: ${job.state} with ${JSON.stringify(job.files)}`);
  if (!reason.test(job.error ?? "")) throw new Error(`refused for another reason: ${job.error}`);
  // Each code has an advice of its own.
  const isAdvised =
    code === "ARTICLE_MISSING" ? /removed or has expired/.test(job.hint ?? "") : job.hint === hintFor(code);
  if (!isAdvised) throw new Error(`refused, but not as ${code}: ${job.hint}`);
  const { status } = await system.get(urlOf(pathOf(job.name, "")), {}, "PROPFIND");
  if (status !== 404) throw new Error(`refused, and yet in the library (${status})`);
}

function checkListed(job: ImportAnswer, release: string, serves: readonly Served[]): void {
  if (job.state !== "completed") throw new Error(`not served: ${job.error}`);
  const wanted = new Set(serves.map(({ path, content }) => `${pathOf(release, path)} of ${content.size}`));
  const found = new Set(job.files.map(({ path, size }) => `${path} of ${size}`));
  const differing = [...wanted, ...found].filter((file) => !wanted.has(file) || !found.has(file));
  if (differing.length === 0) return;
  const said = differing.slice(0, 6).map((file) => `${wanted.has(file) ? "lacks" : "has"} ${file}`);
  throw new Error(`the release ${said.join(", ")} (${job.reason})`);
}

async function checkServed(system: System, { release, ranges = RANGES }: PostKind, served: Served): Promise<void> {
  const url = urlOf(pathOf(release, served.path));
  const { content, hole, crossings = [] } = served;
  const { size } = content;
  if (size <= WHOLE_BYTES && hole === undefined) {
    const hash = createHash("sha256");
    for await (const chunk of await system.open(url)) hash.update(chunk as Buffer);
    if (hash.digest("hex") !== sha256Of(content)) throw new Error(`${served.path} has other bytes`);
  }
  if (size === 0) return;
  using client = system.client({ connections: 1 });
  for (const { start, end } of [...crossings, ...randomRanges(size, ranges)]) {
    const answer = await client.get(url, bytes(start, end));
    const isHurt = hole !== undefined && start < hole.end && end > hole.start;
    const wanted = content.read(start, end - start);
    const isRight = answer.status === 206 && !answer.isBroken && answer.body.equals(wanted);
    const isHonest =
      isRight ||
      answer.status >= 500 ||
      (answer.isBroken && wanted.subarray(0, answer.body.length).equals(answer.body));
    if (isHurt ? !isHonest : !isRight) {
      throw new Error(`bytes ${start} to ${end} of ${served.path} (${size}) are wrong: ${answer.status}`);
    }
  }
}

/** Short ones rather than long ones, and the two ends. */
function randomRanges(size: number, count: number): readonly ByteRange[] {
  const random = seededRandom(size % 2 ** 32);
  const ends = [
    { start: 0, end: 1 },
    { start: size - 1, end: size },
  ];
  return Array.from({ length: count }, (_, index) => {
    const start = Math.floor(random() * size);
    const length = 1 + Math.floor(random() ** 4 * LONGEST_RANGE);
    return ends[index] ?? { start, end: Math.min(size, start + length) };
  });
}

function pathOf(release: string, path: string): string {
  return `/dav/library/kinds/${release}/${path}`;
}

function urlOf(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
