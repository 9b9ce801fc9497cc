import { join } from "node:path";
import { patternContent } from "../../../src/newsserver/content.ts";
import { type NewsServer, startNewsServer } from "../../../src/newsserver/news-server.ts";
import { toNzb } from "../../../src/newsserver/write-nzb.ts";
import {
  type JobAnswer,
  type Product,
  postNzb,
  runProgram,
  serve,
  serveVariables,
  tempDir,
} from "../../process/product.ts";
import { seededRandom } from "../../random.ts";
import { type Audit, audit } from "./audit.ts";
import { jobsOf, lookAtAll, type Post, type Whole } from "./whole-library.ts";

export interface ChaosOptions {
  readonly nzbs: number;
  readonly kills: number;
  readonly seed: number;
}

export interface ChaosReport {
  /** What did not hold, in words. */
  readonly broken: readonly string[];
  readonly audit: Audit;
  /** What the kills met: proof that they came at all times. */
  readonly met: {
    /** The process had not said that it is ready. */
    readonly starts: number;
    /** Uploads that were not answered. */
    readonly uploads: number;
    /** Imports that the next process put back into the queue. */
    readonly imports: number;
  };
  /** Confirmed uploads of NZBs that had been confirmed before. */
  readonly repeats: number;
}

/** A kill comes while the program starts, so long after it is ready, or so long after one of its first commands to the news server. */
const LONGEST_MS = { starting: 500, living: 900, importing: 60 } as const;
const MOST_COMMANDS = 40;
/** A process that has nothing to import is killed after this. */
const PATIENCE_MS = 2_000;
const START_SHARE = 0.15;
const TWICE_SHARE = 0.2;

/**
 * Gives NZBs to the built program while it is killed at random moments and started again, then lets it finish and looks at everything:
 * what was confirmed is there after each kill; in the end every NZB is one completed import and one release, whose files have the right
 * sizes and bytes; the database holds no orphan.
 */
export async function chaos({ nzbs, kills, seed }: ChaosOptions): Promise<ChaosReport> {
  const random = seededRandom(seed);
  const whole = (least: number, most: number) => least + Math.floor(random() * (most - least));
  await using dir = await tempDir();
  await using news = await startNewsServer({ behaviour: { rttMs: 30 } });
  const moments = Array.from(
    { length: kills },
    () =>
      ({
        phase: random() < START_SHARE ? "starting" : random() < 0.5 ? "living" : "importing",
        share: random(),
        commands: whole(1, MOST_COMMANDS),
      }) as const,
  );
  const posts = Array.from({ length: nzbs }, (_, number) => makePost(news, number, whole));
  const variables = serveVariables(dir.path, news, { NEWSREEL_IMPORTS_MAX_JOBS: "3" });
  const broken: string[] = [];
  /** Ids of what was confirmed, by name. */
  const confirmed = new Map<string, string>();
  const met = { starts: 0, uploads: 0, imports: 0 };
  let repeats = 0;
  let given = 0;

  const check = async (product: Product) => {
    met.imports += queuedAgain(product);
    const before = [...confirmed];
    const listed = new Map((await jobsOf(product, nzbs)).map(({ id, name }) => [name, id]));
    for (const [name, id] of before) {
      if (listed.get(name) !== id)
        broken.push(`${name} was confirmed as ${id}, but is ${listed.get(name)} after a kill`);
    }
  };
  const give = async (product: Product, post: Post) => {
    const id = await upload(product, post);
    const known = confirmed.get(post.name);
    if (id === undefined) met.uploads += 1;
    else if (known === undefined) confirmed.set(post.name, id);
    else {
      repeats += 1;
      if (known !== id) broken.push(`${post.name} was confirmed as ${known} and as ${id}`);
    }
  };

  for (const [kill, { phase, share, commands }] of moments.entries()) {
    const delayMs = share * LONGEST_MS[phase];
    if (phase === "starting") {
      await using child = runProgram(["serve"], variables);
      await pause(delayMs);
      child.kill("SIGKILL");
      await child.ended;
      if (!child.output().includes("newsreel is ready")) met.starts += 1;
      continue;
    }
    await using product = await serve(variables);
    const killed = momentOf(news, { commands: phase === "living" ? 0 : commands, delayMs }).then(() =>
      product.kill("SIGKILL"),
    );
    // Its share of the new ones, what was lost before, and some that are given twice at once or are there already.
    const until = Math.ceil(((kill + 1) / kills) * nzbs);
    const batch = posts.slice(0, until).flatMap((post, index) => {
      const isDue = index >= given || !confirmed.has(post.name);
      const isRepeated = random() < (isDue ? TWICE_SHARE : TWICE_SHARE / kills);
      return isDue && isRepeated ? [post, post] : isDue || isRepeated ? [post] : [];
    });
    given = until;
    await Promise.all([killed, check(product).catch(onlyLost), ...batch.map((post) => give(product, post))]);
    await product.ended;
  }

  {
    await using product = await serve(variables);
    await check(product);
    for (const post of posts) if (!confirmed.has(post.name)) await give(product, post);
    broken.push(...(await lookAtAll(product, posts, whole)));
    product.kill("SIGTERM");
    const { code } = await product.ended;
    if (code !== 0) broken.push(`it stopped with exit code ${code}`);
  }
  return { broken, audit: audit(join(dir.path, "catalog.db")), met, repeats };
}

function makePost(news: NewsServer, number: number, whole: Whole): Post {
  const files = Array.from({ length: whole(1, 6) }, (_, index) =>
    news.store.addFile({
      name: `film-${number}-${index}.mkv`,
      content: patternContent(number * 10 + index, whole(20_000, 900_000)),
      partSize: whole(10_000, 60_000),
    }),
  );
  return { name: `Release-${number}`, files, nzb: toNzb(files) };
}

/** The id of the import; undefined when the process was killed before it could answer. */
async function upload(product: Product, { name, nzb }: Post): Promise<string | undefined> {
  const answer = await postNzb(product, nzb, `category=test&name=${name}`).catch(onlyLost);
  if (answer === undefined || answer.isBroken) return undefined;
  const { status, body } = answer;
  if (status !== 200 && status !== 202) throw new Error(`${name} was answered by ${status}: ${body}`);
  return (JSON.parse(body.toString()) as JobAnswer).id;
}

/** A process that is killed may break anything off, but nothing else may go wrong. */
function onlyLost(error: NodeJS.ErrnoException): undefined {
  const isCutShort = error instanceof SyntaxError;
  if (!isCutShort && !["ECONNRESET", "ECONNREFUSED", "EPIPE"].includes(error.code ?? "")) throw error;
}

function queuedAgain(product: Product): number {
  const line = product.output().match(/"jobs":(\d+),"msg":"interrupted imports are queued again"/);
  return Number(line?.[1] ?? 0);
}

/** Comes so long after the so-manieth command of all, or when there have been no commands for long enough. */
async function momentOf(news: NewsServer, { commands, delayMs }: { commands: number; delayMs: number }): Promise<void> {
  let left = commands;
  if (left > 0) {
    let tell = () => {};
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    using _tap = news.hold(() => {
      left -= 1;
      if (left === 0) tell();
      return false;
    });
    await Promise.race([told, pause(PATIENCE_MS)]);
  }
  await pause(delayMs);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
