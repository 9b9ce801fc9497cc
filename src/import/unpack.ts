import type { ArchiveMap, RefusedMember, StoredMember, Volume } from "../archive/archive.ts";
import { type HeaderBudget, headerReader } from "../archive/header-reader.ts";
import { type DiscImage, discFeature, readDiscImage } from "../archive/iso-image.ts";
import { memberFile } from "../archive/member-file.ts";
import type { RarKeys } from "../archive/rar-keys.ts";
import { mapRarVolumes, type RarSet } from "../archive/rar-set.ts";
import { hintFor } from "../archive/refusals.ts";
import { readSevenZip } from "../archive/seven-zip.ts";
import type { SevenZipKeys } from "../archive/seven-zip-keys.ts";
import { findSplitSets, findUnnamedSevenZips, type SplitSet } from "../archive/split-set.ts";
import { readZip } from "../archive/zip.ts";
import { findZipSpans } from "../archive/zip-spans.ts";
import { AppError, errorCode, FormatError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { type FileKind, fileKind, MAGIC_BYTES } from "./magic.ts";
import { isArchiveName, isPlainName } from "./names.ts";
import { baseName, nameParts } from "./safe-name.ts";
import { SmallMembers } from "./small-members.ts";
import { joinedSource, memberSource, type Source, unpackedSource } from "./source.ts";

export interface UnpackOptions extends Cancel {
  /** In the order in which they are tried. */
  readonly passwords: readonly string[];
  readonly budget: HeaderBudget;
  readonly rarKeys: RarKeys;
  readonly sevenZipKeys: SevenZipKeys;
}

/** Something that is there and cannot be served. */
export type Refused = Pick<RefusedMember, "path" | "size" | "code" | "message" | "hint">;

export interface Unpacked {
  /** What can be shown: everything that is no archive, and the members of what is one. */
  readonly leaves: readonly Source[];
  readonly refused: readonly Refused[];
  /** How archives were put together, a phrase each. */
  readonly report: readonly string[];
}

/** Archives in archives, down to here. */
const MAX_DEPTH = 3;
/** A disc image of more files is shown as the image alone. */
const MAX_IMAGE_FILES = 2_000;
const HEAD_BYTES = 512;
/** What is below the folder of a disc. */
const DISC = /(?:^|\/)(?:BDMV\/PLAYLIST|VIDEO_TS)\/.*$/is;
const IMAGE = /^(?:iso|img|udf)$/i;

/**
 * Opens the archives among some files, those in them, and so on: RAR sets, 7z, ZIP, raw splits and disc images, whatever they are called.
 * Throws ARCHIVE_INCOMPLETE and the like for an archive that is not whole, ProviderError when nobody knows, or the signal's reason.
 */
export async function unpack(sources: readonly Source[], options: UnpackOptions): Promise<Unpacked> {
  const unpacker = new Unpacker(options);
  await unpacker.open(sources, 0);
  return unpacker;
}

class Unpacker implements Unpacked {
  readonly leaves: Source[] = [];
  readonly refused: Refused[] = [];
  readonly report: string[] = [];
  readonly #options: UnpackOptions;
  readonly #small = new SmallMembers();

  constructor(options: UnpackOptions) {
    this.#options = options;
  }

  async open(sources: readonly Source[], depth: number): Promise<void> {
    if (depth === MAX_DEPTH) {
      this.leaves.push(...sources);
      return;
    }
    const whole = this.#spanned(this.#joined(sources));
    const rars = new Set(whole.flatMap((one) => (one.length === 1 && isArchive(one[0], "rar") ? one : [])));
    if (rars.size > 0) await this.#openRars([...rars], depth);
    for (const one of whole) {
      const [first] = one;
      if (first === undefined || rars.has(first)) continue;
      if (one.length > 1 || isArchive(one.at(-1), "zip")) await this.#openZip(one, depth);
      else if (isArchive(first, "7z")) await this.#openSevenZip(first, depth);
      else if (isImage(first)) await this.#openImage(first, depth);
      else this.leaves.push(first);
    }
  }

  /** Raw splits as what they are pieces of. */
  #joined(sources: readonly Source[]): readonly Source[] {
    const candidates = (among: readonly Source[]) =>
      among.map(({ path, file, head }) => ({ name: baseName(path), size: file.size, head }));
    const named = this.#join(findSplitSets(candidates(sources)), sources);
    const unnamed = this.#join(findUnnamedSevenZips(candidates(named.others)), named.others);
    return [...named.wholes, ...unnamed.wholes, ...unnamed.others];
  }

  #join(
    sets: readonly SplitSet[],
    sources: readonly Source[],
  ): { wholes: readonly Source[]; others: readonly Source[] } {
    const wholes: Source[] = [];
    const taken = new Set<Source>();
    for (const { name, pieces, trouble } of sets) {
      if (trouble !== undefined) throw trouble;
      const parts = pieces.map((index) => sources[index] as Source);
      const whole = joinedSource(name, parts);
      if (whole === undefined) continue;
      this.report.push(`${baseName(name)}: ${parts.length} pieces of one file`);
      wholes.push(whole);
      for (const part of parts) taken.add(part);
    }
    return { wholes, others: sources.filter((source) => !taken.has(source)) };
  }

  /** The disks of a spanned ZIP together, everything else alone. */
  #spanned(sources: readonly Source[]): readonly (readonly Source[])[] {
    const spans = findZipSpans(sources.map(({ path }) => baseName(path)));
    const taken = new Set(spans.flatMap(({ disks }) => disks));
    const sets = spans.map(({ name, disks, trouble }) => {
      if (trouble !== undefined) throw trouble;
      this.report.push(`${name}: zip of ${disks.length} volumes`);
      return disks.map((index) => sources[index] as Source);
    });
    return [...sets, ...sources.filter((_, index) => !taken.has(index)).map((source) => [source])];
  }

  async #openRars(rars: readonly Source[], depth: number): Promise<void> {
    const { rarKeys: keys, budget, signal } = this.#options;
    const { sets, outside } = await mapRarVolumes(volumesOf(rars), { keys, budget, signal });
    for (const set of sets) {
      if (set.trouble !== undefined) throw set.trouble;
      this.report.push(describe(set, rars));
      await this.#openMembers(set.map, rars, depth);
    }
    for (const { volume, error } of outside) {
      const { path, file } = rars[volume] as Source;
      const code = codeOf(error);
      // Beside whole sets, what is merely broken is a second copy or a stray.
      if (sets.length > 0 && code === "ARCHIVE_MALFORMED") this.report.push(error.message);
      else this.refused.push({ path, size: file.size, code, message: error.message, hint: adviceOf(error, code) });
    }
  }

  async #openSevenZip(source: Source, depth: number): Promise<void> {
    const { sevenZipKeys: keys, passwords, budget, signal } = this.#options;
    await this.#openOr(source, depth, async () => {
      const map = await readSevenZip(volumesOf([source]), { keys, passwords, budget, signal });
      this.report.push(`${baseName(source.path)}: 7z`);
      await this.#openMembers(map, [source], depth);
    });
  }

  async #openZip(disks: readonly Source[], depth: number): Promise<void> {
    const { passwords, budget, signal } = this.#options;
    await this.#openOr(disks.at(-1) as Source, depth, async () => {
      await this.#openMembers(await readZip(volumesOf(disks), { passwords, budget, signal }), disks, depth);
    });
  }

  /** The image stays a file beside the files in it: some players take it whole. */
  async #openImage(source: Source, depth: number): Promise<void> {
    const { budget, signal } = this.#options;
    const name = baseName(source.path);
    const parts = nameParts(name);
    const stem = IMAGE.test(parts.extension) ? parts.stem : name;
    this.leaves.push(source);
    try {
      const { stored, feature } = await readDiscImage(source.file, { name: stem, budget, signal });
      if (stored.length > MAX_IMAGE_FILES) return;
      const folder = source.path.slice(0, source.path.length - name.length) + stem;
      const inside = stored.map((member): StoredMember => ({ ...member, path: `${folder}/${member.path}` }));
      await this.#openMembers({ stored: inside, refused: [], feature }, [source], depth);
    } catch (error) {
      if (codeOf(error as Error) !== errorCode(error)) throw error;
    }
  }

  /** What is wrong with an archive of one file is that file's fault; what is wrong with a provider is not. */
  async #openOr(source: Source, depth: number, open: () => Promise<void>): Promise<void> {
    try {
      await open();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      const code = codeOf(error);
      // Within another archive it may be anything, and its bytes can be served as they are.
      if (depth > 0 && code !== "ARCHIVE_ENCRYPTED") {
        this.report.push(`${baseName(source.path)}: kept as it is, since ${error.message}`);
        this.leaves.push(source);
        return;
      }
      this.refused.push({
        path: source.path,
        size: source.file.size,
        code,
        message: error.message,
        hint: adviceOf(error, code),
      });
    }
  }

  async #openMembers(map: ArchiveMap | DiscImage, volumes: readonly Source[], depth: number): Promise<void> {
    const { stored, refused } = map;
    const isDisc = "feature" in map || stored.some(({ path }) => DISC.test(path));
    const members: Source[] = [];
    const feature = "feature" in map ? map.feature : await this.#featureOf(stored, volumes);
    const film = feature && memberSource(feature, volumes);
    if (film !== undefined) this.leaves.push(film);
    for (const member of refused) {
      const content = await this.#small.extract(member, volumesOf(volumes), this.#options);
      if (content === undefined) this.refused.push(member);
      else this.leaves.push(unpackedSource(member.path, content));
    }
    for (const member of stored) {
      const source = memberSource(member, volumes);
      if (source !== undefined) members.push(isDisc ? { ...source, isOnDisc: true } : await this.#lookedAt(source));
      else {
        const { path, size } = member;
        const message = `"${path}" lies in an archive within an encrypted one, in a way that cannot be read in place`;
        this.refused.push({ path, size, code: "ARCHIVE_ENCRYPTED", message, hint: "get a post that is packed once" });
      }
    }
    await this.open(members, depth + 1);
  }

  /** The film of a disc whose files were packed one by one. */
  async #featureOf(members: readonly StoredMember[], volumes: readonly Source[]): Promise<StoredMember | undefined> {
    const disc = members.find(({ path }) => DISC.test(path));
    if (disc === undefined || members.some(({ cipher }) => cipher !== undefined)) return undefined;
    const { budget, signal } = this.#options;
    const read = (member: StoredMember) =>
      headerReader(memberFile(member, volumesOf(volumes)), budget, { signal }).bytes(0, member.size);
    const above = baseName(disc.path.replace(DISC, ""));
    const name = above === "" ? nameParts(baseName((volumes[0] as Source).path)).stem : above;
    return await discFeature(members, { name, read });
  }

  /** Where the name does not say what it is, or says that it is an archive, the first bytes do; those of a disc image lie further in. */
  async #lookedAt(source: Source): Promise<Source> {
    const name = baseName(source.path);
    const { size } = source.file;
    if (size === 0 || isPlainName(name)) return source;
    const head = await this.#headOf(source, HEAD_BYTES);
    const kind = fileKind(head);
    const isNamed = isArchiveName(name) || IMAGE.test(nameParts(name).extension);
    const mayBeImage = kind === undefined && size >= MAGIC_BYTES && !isNamed;
    if (!mayBeImage) return { ...source, head, kind };
    return { ...source, head, kind: fileKind(await this.#headOf(source, MAGIC_BYTES)) };
  }

  /** Nothing where an article is gone. */
  async #headOf({ file }: Source, bytes: number): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    const range = { start: 0, end: Math.min(bytes, file.size) };
    try {
      for await (const chunk of file.read(range, this.#options)) chunks.push(Uint8Array.from(chunk));
      return Buffer.concat(chunks);
    } catch (error) {
      if (!errorCode(error)?.startsWith("ARTICLE_")) throw error;
      return Buffer.alloc(0);
    }
  }
}

function volumesOf(sources: readonly Source[]): readonly Volume[] {
  return sources.map(({ path, file }) => ({ name: baseName(path), file }));
}

/** By its first bytes; comics, documents and programs that are archives inside stay what they are. */
function isArchive(source: Source | undefined, extension: "rar" | "7z" | "zip"): boolean {
  const kind: FileKind | undefined = source?.kind;
  if (source === undefined || kind?.extension !== extension) return false;
  return !kind.alsoNamed.includes(nameParts(source.path).extension.toLowerCase());
}

function isImage({ path, kind }: Source): boolean {
  return kind?.extension === "iso" || (kind === undefined && IMAGE.test(nameParts(path).extension));
}

function describe({ format, volumes, orderedBy }: RarSet, rars: readonly Source[]): string {
  const name = baseName((rars[volumes[0] as number] as Source).path);
  if (volumes.length === 1) return `${name}: rar${format}`;
  const order = { number: "in the order of their headers", name: "in the order of their names" };
  const by = orderedBy === "number" || orderedBy === "name" ? order[orderedBy] : undefined;
  const told =
    by ?? (orderedBy === "continuity" ? "ordered by what goes on in which" : "in the order of the post, unproved");
  return `${name}: rar${format}, ${volumes.length} volumes ${told}`;
}

function codeOf(error: Error): Refused["code"] {
  const code = errorCode(error);
  if (code === "ARCHIVE_COMPRESSED" || code === "ARCHIVE_ENCRYPTED" || code === "ARCHIVE_MALFORMED") return code;
  return "ARCHIVE_INCOMPLETE";
}

function adviceOf(error: Error, code: Refused["code"]): string {
  return (error instanceof AppError ? error.hint : undefined) ?? hintFor(code);
}
