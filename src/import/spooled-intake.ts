/**
 * Every way in ends here: the body is written to a file while it is counted, so that its size never matters to memory before it is known;
 * the file is parsed, packed, queued, and removed in any case. Files that a dead process left behind are removed at the start.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { raceAbort } from "../base/abort.ts";
import { CatalogError, errorCode, FormatError, RequestError } from "../base/errors.ts";
import { Limiter } from "../base/limiter.ts";
import type { JobStore } from "../catalog/jobs.ts";
import type { Nzb } from "../nzb/nzb.ts";
import type { NzbParser } from "../nzb/parser-thread.ts";
import { parseReleaseName } from "../nzb/release-name.ts";
import type { Intake, Submission } from "./intake.ts";
import { releaseName } from "./names.ts";
import { safeName } from "./safe-name.ts";

export interface IntakeOptions {
  /** The spool folder is made in it. */
  readonly dataDir: string;
  readonly jobs: Pick<JobStore, "add">;
  readonly parser: Pick<NzbParser, "parse">;
  /** Of one body as it is sent, so of the packed bytes when it is packed. */
  readonly maxNzbBytes: number;
  /** Called after a new job was committed. */
  readonly onQueued: () => void;
}

const DEFAULT_CATEGORY = "default";
const MAX_NAME = 1_000;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
/** NZBs that are parsed and packed at once; each is held in memory, packed. */
const AT_ONCE = 2;

/** Makes the spool folder, empty. Rejects with the file system's error when it cannot. */
export async function createIntake({ dataDir, jobs, parser, maxNzbBytes, onQueued }: IntakeOptions): Promise<Intake> {
  const spool = join(dataDir, "spool");
  await rm(spool, { recursive: true, force: true });
  await mkdir(spool, { recursive: true, mode: 0o700 });
  const places = new Limiter(AT_ONCE);
  let spooled = 0;

  return {
    async submit(submission) {
      const { signal } = submission;
      const category = checkedCategory(submission.category);
      const requested = checkedName(submission.name);
      signal.throwIfAborted();
      const path = join(spool, `${process.pid}-${++spooled}.nzb`);
      try {
        await writeBody(path, submission, maxNzbBytes);
        using _place = await places.acquire({ signal });
        const nzb = await parser.parse({ path }, { signal, limits: { bytes: maxNzbBytes } });
        const packed = await packedFile(path, signal);
        signal.throwIfAborted();
        const { name, passwords } = nameOf(nzb, requested, submission.fileName);
        const added = jobs.add({
          name,
          category,
          digest: nzb.digest,
          passwords: [...new Set([...(submission.passwords ?? []), ...passwords])],
          nzb: packed,
        });
        if (added.isNew) onQueued();
        return added;
      } finally {
        await rm(path, { force: true });
      }
    },
  };
}

function checkedCategory(category: string): string {
  const wanted = category.normalize("NFC");
  if (wanted === "") return DEFAULT_CATEGORY;
  if (safeName(wanted, "") === wanted) return wanted;
  throw new RequestError("BAD_REQUEST", `the category ${JSON.stringify(category.slice(0, 80))} is no folder name`, {
    hint: 'use one name without slashes and without any of \\ : * ? " < > |',
  });
}

function checkedName(name: string | undefined): string | undefined {
  if (name === undefined || name.trim() === "") return undefined;
  if (name.length <= MAX_NAME && safeName(name, "") !== "") return name;
  throw new RequestError("BAD_REQUEST", `the name ${JSON.stringify(name.slice(0, 80))} cannot name a release`, {
    hint: `use at most ${MAX_NAME} characters, at least one of them a letter or digit`,
  });
}

function nameOf(nzb: Nzb, requested: string | undefined, fileName: string | undefined) {
  const fromFile = fileName === undefined ? undefined : parseReleaseName(fileName);
  // A slash in a name that somebody chose is more likely a part of it than the start of a password.
  const chosen = requested?.includes("{{") ? parseReleaseName(requested) : undefined;
  const name = releaseName({
    requested: chosen?.name ?? requested,
    title: nzb.meta.title,
    nzbName: fromFile?.name,
    files: nzb.files.flatMap((file) => file.name ?? []),
  });
  return { name, passwords: [...(chosen?.passwords ?? []), ...(fromFile?.passwords ?? [])] };
}

async function writeBody(path: string, { body, signal }: Submission, maxBytes: number): Promise<void> {
  const chunks = body[Symbol.asyncIterator]();
  let file: FileHandle | undefined;
  try {
    file = await open(path, "wx", 0o600);
    let bytes = 0;
    for (;;) {
      const next = await raceAbort(chunks.next(), signal);
      if (next.done === true) break;
      bytes += next.value.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      await file.writeFile(next.value);
    }
    if (bytes === 0) throw new FormatError("NZB_MALFORMED", "the NZB is empty", { hint: "send the NZB as the body" });
  } catch (error) {
    // The source may be stuck in the very read that was given up, so nobody waits for it to close.
    void Promise.resolve(chunks.return?.()).catch(() => {});
    throw errorCode(error) === "ENOSPC" || errorCode(error) === "EDQUOT" ? diskFull(error) : error;
  } finally {
    await file?.close();
  }
}

function tooLarge(maxBytes: number): FormatError {
  return new FormatError("NZB_TOO_LARGE", `the NZB is larger than ${maxBytes} bytes`, {
    hint: "raise imports.maxNzbBytes if it really is one, or send it packed with gzip",
  });
}

function diskFull(cause: unknown): CatalogError {
  return new CatalogError("DISK_FULL", "cannot store the NZB: the disk is full", {
    cause,
    hint: "make room on the disk of the data folder",
  });
}

/** The file's bytes, gzip-compressed if they are not already. */
async function packedFile(path: string, signal: AbortSignal): Promise<Buffer> {
  const isPacked = await startsWith(path, GZIP_MAGIC);
  if (isPacked) return await readFile(path);
  const chunks: Buffer[] = [];
  await pipeline(createReadStream(path), createGzip({ level: 1 }), async (packed: AsyncIterable<Buffer>) => {
    for await (const chunk of packed) {
      signal.throwIfAborted();
      chunks.push(chunk);
    }
  });
  return Buffer.concat(chunks);
}

async function startsWith(path: string, magic: Buffer): Promise<boolean> {
  await using file = await open(path, "r");
  const start = Buffer.alloc(magic.length);
  await file.read(start, 0, start.length, 0);
  return start.equals(magic);
}
