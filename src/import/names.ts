import { type FileKind, SIGNED_EXTENSIONS } from "./magic.ts";
import { isObfuscated } from "./obfuscated.ts";
import { baseName, nameParts, safeName } from "./safe-name.ts";

/** Extensions that no signature stands behind, so that only a name can say them. */
const UNSIGNED_EXTENSIONS = new Set(
  "nfo sfv srr srs srt sub idx ass ssa vtt sup smi txt log url md5 m3u m3u8 cue diz html htm xml json csv md rtf mobi azw3 lit".split(
    " ",
  ),
);
/** What marks a file as one of several volumes; whatever the name in front of it is worth, this must stay. */
const VOLUME_SUFFIX = /(?:\.part\d{1,5}\.rar|\.r\d{2,3}|\.[s-z]\d{2}|\.(?:7z|zip|rar|tar)\.\d{2,5}|\.\d{1,3})$/i;

export interface ReleaseNames {
  /** What the request calls it. */
  readonly requested: string | undefined;
  readonly title: string | undefined;
  /** The NZB's own file name, without `.nzb` and password. */
  readonly nzbName: string | undefined;
  /** Names of the posted files. */
  readonly files: readonly string[];
}

/** The folder's name: as requested, else the first of title, NZB name and what the files have in common that says something. */
export function releaseName({ requested, title, nzbName, files }: ReleaseNames): string {
  const ownNames = [title, nzbName, commonName(files)].map((name) => name?.trim() ?? "").filter((name) => name !== "");
  const wanted = requested?.trim() || ownNames.find((name) => !isObfuscated(name)) || ownNames[0] || "";
  return safeName(wanted, "Unnamed release");
}

/** What the names of all files begin with, cut at a separator; the whole stem when there is one file. */
function commonName(files: readonly string[]): string | undefined {
  const stems = files.map((file) => splitSuffix(baseName(file)).stem).filter((stem) => stem !== "");
  const first = stems[0];
  if (first === undefined) return undefined;
  let length = first.length;
  for (const stem of stems) while (!stem.startsWith(first.slice(0, length))) length -= 1;
  const common = first.slice(0, length);
  const isWhole = stems.every((stem) => stem.length === length || /^[\W_]/u.test(stem.slice(length)));
  const cut = isWhole ? common : common.replace(/[^\s._-]*$/u, "");
  const trimmed = cut.replace(/[\s._([{-]+$/u, "");
  return trimmed.length >= 3 ? trimmed : undefined;
}

export interface FileClues {
  /** As the subject names it. */
  readonly subjectName: string | undefined;
  /** As the yEnc header does. */
  readonly yencName: string | undefined;
  readonly kind: FileKind | undefined;
  /** What it is called belongs to it, even if it says nothing to a person. */
  readonly keepsName?: boolean;
}

/**
 * Names for the files of a release, one each, all safe: the subject's, or the yEnc header's where that says more, or the release's
 * own, numbered when several need it. An extension that contradicts the content, or is absent, is the content's.
 */
export function fileNames(files: readonly FileClues[], release: string): readonly string[] {
  const wanted = files.map((file) => {
    const name = tellingName(file);
    const { stem, suffix } = splitSuffix(name ?? file.subjectName ?? file.yencName ?? "");
    const isNameless = name === undefined;
    return { isNameless, ...withTrueExtension({ stem: isNameless ? release : stem, suffix }, file.kind) };
  });
  const totals = new Map<string, number>();
  for (const { isNameless, suffix } of wanted) if (isNameless) totals.set(suffix, (totals.get(suffix) ?? 0) + 1);
  const used = new Map<string, number>();
  return wanted.map(({ isNameless, stem, suffix }) => {
    const total = totals.get(suffix) ?? 0;
    if (!isNameless || total === 1) return safeName(stem + suffix, release);
    const number = (used.get(suffix) ?? 0) + 1;
    used.set(suffix, number);
    return safeName(`${stem} - ${String(number).padStart(String(total).length, "0")}${suffix}`, release);
  });
}

function tellingName({ subjectName, yencName, keepsName = false }: FileClues): string | undefined {
  if (keepsName) return subjectName === undefined ? undefined : baseName(subjectName);
  return [subjectName, yencName]
    .map((name) => (name === undefined ? "" : baseName(name)))
    .find((name) => name !== "" && !isObfuscated(splitSuffix(name).stem));
}

interface SplitName {
  readonly stem: string;
  /** Extension or volume number, with its dot; empty when there is none. */
  readonly suffix: string;
}

function splitSuffix(name: string): SplitName {
  const volume = VOLUME_SUFFIX.exec(name);
  if (volume !== null && volume.index > 0) return { stem: name.slice(0, volume.index), suffix: volume[0] };
  const { stem, extension } = nameParts(name);
  return isExtension(extension) ? { stem, suffix: `.${extension}` } : { stem: name, suffix: "" };
}

/** Tells an extension from the last word of a name with dots in it, as `x264` or `2024`. */
function isExtension(extension: string): boolean {
  const lower = extension.toLowerCase();
  if (SIGNED_EXTENSIONS.has(lower) || UNSIGNED_EXTENSIONS.has(lower)) return true;
  return /^[a-z]{2,4}$/.test(lower) || /^[a-z][a-z0-9]{1,2}$/.test(lower);
}

function withTrueExtension({ stem, suffix }: SplitName, kind: FileKind | undefined): SplitName {
  if (kind === undefined) return { stem, suffix };
  const named = nameParts(`x${suffix}`).extension.toLowerCase();
  if (VOLUME_SUFFIX.test(`x${suffix}`)) return { stem, suffix };
  if (named === kind.extension || kind.alsoNamed.includes(named)) return { stem, suffix };
  const isLie = SIGNED_EXTENSIONS.has(named) || UNSIGNED_EXTENSIONS.has(named);
  return { stem: isLie || suffix === "" ? stem : stem + suffix, suffix: `.${kind.extension}` };
}

const ARCHIVE_EXTENSIONS = new Set(["rar", "7z", "zip", "iso", "img", "udf", "bin", "exe"]);

/** Whether a name says what a file is, and that it is no archive. */
export function isPlainName(name: string): boolean {
  const extension = nameParts(name).extension.toLowerCase();
  const isKnown = SIGNED_EXTENSIONS.has(extension) || UNSIGNED_EXTENSIONS.has(extension);
  return isKnown && !ARCHIVE_EXTENSIONS.has(extension) && !VOLUME_SUFFIX.test(name);
}

/** Whether a name says something: to a person, or about the place in a set of volumes. */
export function isTellingName(name: string): boolean {
  return isArchiveName(name) || !isObfuscated(splitSuffix(baseName(name)).stem);
}

/** Whether a name is one volume of an archive or of a split file, or an archive of its own. */
export function isArchiveName(name: string): boolean {
  return /\.(?:rar|7z|zip)$/i.test(name) || VOLUME_SUFFIX.test(name);
}
