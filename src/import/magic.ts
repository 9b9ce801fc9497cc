/** A kind of file that its first bytes give away. */
export interface FileKind {
  /** The usual extension, without a dot. */
  readonly extension: string;
  /** Further extensions that files of this kind rightly have. */
  readonly alsoNamed: readonly string[];
}

interface Signature extends FileKind {
  readonly fits: (bytes: Uint8Array) => boolean;
}

/** Bytes from the start of a file that are worth giving to `fileKind`: an ISO says what it is at 32 769. */
export const MAGIC_BYTES = 32_774;

const VOLUMES = ["rev", "cbr", "cb7", "cbz", "exe"];

/** First match wins, so the more telling ones stand first. */
const SIGNATURES: readonly Signature[] = [
  kind("par2", [], text("PAR2\0PKT")),
  kind("rar", VOLUMES, text("Rar!\x1a\x07"), text("RE~^")),
  kind("7z", VOLUMES, hex("377abcaf271c")),
  kind("epub", ["zip"], text("mimetypeapplication/epub+zip", 30)),
  kind("zip", [...VOLUMES, ..."epub docx xlsx pptx odt ods odp jar apk ipa xpi kmz".split(" ")], zip),
  kind("webm", ["mkv", "weba"], (bytes) => isEbml(bytes) && has(bytes.subarray(0, 64), "webm")),
  kind("mkv", ["mka", "mks", "mk3d", "webm", "weba"], isEbml),
  kind("m4a", ["mp4", "m4b", "mov"], text("ftypM4A", 4), text("ftypM4B", 4)),
  kind("mov", ["qt", "mp4", "m4v"], text("ftypqt", 4)),
  kind("mp4", "m4v m4a m4b mov qt 3gp 3g2 f4v mp4v heic avif cr3".split(" "), text("ftyp", 4)),
  kind("mov", ["qt", "mp4", "m4v"], text("moov", 4), text("mdat", 4)),
  kind("avi", ["divx"], (bytes) => text("RIFF")(bytes) && text("AVI ", 8)(bytes)),
  kind("wav", ["wave"], (bytes) => text("RIFF")(bytes) && text("WAVE", 8)(bytes)),
  kind("webp", [], (bytes) => text("RIFF")(bytes) && text("WEBP", 8)(bytes)),
  kind("mpg", ["mpeg", "vob", "m2p", "ps", "dat", "evo", "mod"], hex("000001ba")),
  kind("mpg", ["mpeg", "m1v", "m2v", "mpv"], hex("000001b3")),
  kind("wmv", ["asf", "wma"], hex("3026b2758e66cf11")),
  kind("flv", ["f4v"], text("FLV\x01")),
  kind("rm", ["rmvb", "ra"], text(".RMF")),
  kind("flac", [], text("fLaC")),
  kind("mp3", ["mp2", "aac", "flac", "tta"], text("ID3")),
  kind("ogg", ["oga", "ogv", "ogm", "opus", "ogx", "spx"], text("OggS")),
  kind("ape", [], text("MAC ")),
  kind("wv", [], text("wvpk")),
  kind("ifo", ["bup"], text("DVDVIDEO-")),
  kind("pdf", [], text("%PDF-")),
  kind("png", [], hex("89504e470d0a1a0a")),
  kind("jpg", ["jpeg", "jpe", "jfif", "thm", "tbn"], hex("ffd8ff")),
  kind("gif", [], text("GIF8")),
  kind("gz", ["tgz", "svgz"], hex("1f8b08")),
  kind("xz", ["txz"], hex("fd377a585a00")),
  kind("tar", [], text("ustar", 257)),
  kind("nzb", [], (bytes) => text("<?xml")(bytes) && has(bytes.subarray(0, 1024), "<nzb")),
  kind("iso", ["img", "udf", "bin", "mdf", "nrg"], text("CD001", 32_769), text("BEA01", 32_769)),
  kind("m2ts", ["mts", "m2t", "ts", "tp", "trp"], (bytes) => hasSync(bytes, 4, 192)),
  kind("ts", ["m2ts", "mts", "m2t", "tp", "trp", "mpg"], (bytes) => hasSync(bytes, 0, 188)),
];

/** What a file is by its first bytes (up to MAGIC_BYTES of them help), or undefined when they do not tell. */
export function fileKind(bytes: Uint8Array): FileKind | undefined {
  return SIGNATURES.find(({ fits }) => fits(bytes));
}

/** Every extension that belongs to some kind: a file of another kind that has one of them is lying. */
export const SIGNED_EXTENSIONS: ReadonlySet<string> = new Set(
  SIGNATURES.flatMap(({ extension, alsoNamed }) => [extension, ...alsoNamed]),
);

function kind(extension: string, alsoNamed: readonly string[], ...tests: Signature["fits"][]): Signature {
  return { extension, alsoNamed, fits: (bytes) => tests.some((matches) => matches(bytes)) };
}

function text(signature: string, offset = 0): Signature["fits"] {
  return bytesAt(Buffer.from(signature, "latin1"), offset);
}

function hex(signature: string): Signature["fits"] {
  return bytesAt(Buffer.from(signature, "hex"), 0);
}

function bytesAt(signature: Buffer, offset: number): Signature["fits"] {
  return (bytes) => signature.equals(bytes.subarray(offset, offset + signature.length));
}

/** A local file header, an empty archive, or the first of several volumes. */
function zip(bytes: Uint8Array): boolean {
  return ["504b0304", "504b0506", "504b0708"].some((signature) => hex(signature)(bytes));
}

function isEbml(bytes: Uint8Array): boolean {
  return hex("1a45dfa3")(bytes);
}

function has(bytes: Uint8Array, word: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(word, 0, "latin1");
}

/** MPEG transport stream packets: a sync byte at every `step`; three, since one alone is in every 256th file. */
function hasSync(bytes: Uint8Array, first: number, step: number): boolean {
  return [0, 1, 2].every((packet) => bytes[first + packet * step] === 0x47);
}
