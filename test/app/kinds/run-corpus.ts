import { createHash } from "node:crypto";
import type { System } from "../fixture.ts";
import { fetched, serverOf } from "../wire.ts";
import { sha256Of } from "./contents.ts";
import type { CorpusArchive } from "./corpus.ts";
import { causeOf, KEPT, OPENED, REFUSED, UNLISTED } from "./corpus-verdicts.ts";
import { importOverHttp } from "./http-import.ts";
import { filesBelow } from "./listing.ts";
import { type Posting, postFiles } from "./posting.ts";

const PART = 20_000;
/** Articles that may be read twice: a header and what it points at lie in one. */
const AGAIN = 20;

/** Posts an archive of the corpus, imports it and reads it back. Throws an Error that says what is not as its manifest says. */
export async function runArchive(
  system: System,
  archive: CorpusArchive,
  more: Pick<Posting, "names" | "isShuffled"> & { readonly idPrefix: string },
): Promise<"served" | "refused"> {
  const passwords = archive.password === "" ? [] : [archive.password];
  const { idPrefix, ...naming } = more;
  const posted = postFiles(system, idPrefix, { files: archive.volumes, partSize: PART, passwords, ...naming });
  serverOf(system).counters.reset();
  const job = await importOverHttp(system, { name: idPrefix, nzb: posted.nzb });
  const bodies = fetched(system);
  const articles = posted.files.reduce((sum, { partCount }) => sum + partCount, 0);
  if (bodies > articles + AGAIN) throw new Error(`importing ${articles} articles took ${bodies} BODY`);
  if (job.state === "failed") {
    checkRefused(archive, job.error ?? "", job.hint);
    return "refused";
  }
  await checkServed(system, archive, idPrefix);
  return "served";
}

function nameOf({ folder, volumes }: CorpusArchive): string {
  return `${folder}/${volumes[0]?.name}`;
}

function checkRefused(archive: CorpusArchive, error: string, hint: string | null): void {
  const { members } = archive;
  const cause = causeOf(error);
  const wanted = REFUSED[nameOf(archive)];
  if (!hint) throw new Error(`refused without advice: ${error}`);
  if (wanted !== undefined) {
    if (cause !== wanted) throw new Error(`refused as ${cause}, not as ${wanted}: ${error}`);
    return;
  }
  const isRight = cause === "compressed" ? members.some(({ isCompressed }) => isCompressed) : members.length === 0;
  if (!isRight) throw new Error(`refused: ${error}`);
}

async function checkServed(system: System, archive: CorpusArchive, release: string): Promise<void> {
  const name = nameOf(archive);
  if (REFUSED[name] !== undefined) throw new Error(`served, and should be refused as ${REFUSED[name]}`);
  const files = await filesBelow(system, `/dav/library/kinds/${release}/`);
  if (files.length === 0) throw new Error("a release of nothing");
  const unlisted = (UNLISTED[name] ?? []).map((sha256) => ({ path: "unlisted", sha256, isCompressed: true }));
  const missing = [...archive.members.filter(({ sha256 }) => sha256 !== ""), ...unlisted];
  for (const { href, size } of files) {
    const { status, body } = await system.get(href);
    const hash = createHash("sha256").update(body).digest("hex");
    if (status !== 200 || body.length !== size)
      throw new Error(`${href} of ${size} bytes is ${status} with ${body.length}`);
    if (KEPT.has(name) && archive.volumes.some(({ content }) => sha256Of(content) === hash)) return;
    const at = missing.findIndex(({ sha256 }) => sha256 === hash);
    if (at < 0) throw new Error(`${decodeURIComponent(href)} of ${size} bytes is no member`);
    missing.splice(at, 1);
  }
  const lost = missing.filter(({ isCompressed }) => !isCompressed).map(({ path }) => path);
  if (lost.length > (OPENED.has(name) ? 1 : 0)) throw new Error(`not served: ${lost.join(", ")}`);
}
