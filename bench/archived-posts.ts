import { createHash } from "node:crypto";
import { bytesContent, type Content } from "../src/newsserver/content.ts";
import { film, type Named } from "../test/app/kinds/contents.ts";
import { type LargeRar, largeRar } from "../test/app/kinds/rar.ts";
import { sevenZip, splitInto } from "../test/app/kinds/seven-zip.ts";
import { writeZip } from "../test/archive/zip-writer.ts";
import { packet } from "../test/par2/par2-writer.ts";

/** Ways in which one film is posted, and what is posted. */
export interface ArchivedPost {
  readonly files: readonly Named[];
  readonly partSize: number;
  readonly password?: string;
  /** Bytes of each file that the release must have. */
  readonly holds: readonly number[];
}

const PART_SIZE = 716_800;
const VOLUMES = 50;
const VOLUME_BYTES = 100_000_000;
const FILM = "Film.2026.1080p.mkv";
const PASSWORD = "bench";
/** As in a set of articles of the usual size, so many of them in a volume. */
const SMALL_PART = 4_096;
const MD5_16K = 16_384;

/** By name, so that a process of its own can make them; content is a function of its offset, and nothing is stored. */
export const ARCHIVED_POSTS = {
  plain: () => {
    const content = film(1, VOLUMES * VOLUME_BYTES);
    return { files: [{ name: FILM, content }], partSize: PART_SIZE, holds: [content.size] };
  },
  rar5: () => rar({ format: 5 }),
  rar4: () => {
    const post = rar({ format: 4, names: "old" });
    return { ...post, files: post.files.map(({ content }, number) => ({ name: oldName(number), content })) };
  },
  locked: () => rar({ format: 5, password: PASSWORD, encryptsHeaders: true }),
  named: () => {
    const post = rar({ format: 5 });
    const hidden = post.files.map(({ content }, number) => ({ name: randomWord(number), content }));
    return { ...post, files: [...hidden, { name: `${randomWord(VOLUMES)}.par2`, content: recoverySet(post.files) }] };
  },
  sevenZip: () => {
    const { archive, holds } = sevenZipOf("plain");
    return { files: [{ name: "Film.2026.7z", content: archive }], partSize: PART_SIZE, holds };
  },
  splitSevenZip: () => {
    const { archive, holds } = sevenZipOf("lzma");
    return { files: splitInto("Film.2026.7z", archive, VOLUME_BYTES), partSize: PART_SIZE, holds };
  },
  zip: () => {
    const inside = [1, 2, 3].map((part) => ({ name: `Film.2026.Part${part}.mkv`, bytes: Buffer.alloc(30e6, part) }));
    const files = [{ name: "Film.2026.zip", content: bytesContent(writeZip(inside)) }];
    return { files, partSize: PART_SIZE, holds: inside.map(({ bytes }) => bytes.length) };
  },
  /** 100 GB in a thousand volumes. */
  thousand: () => rar({ format: 5, volumes: 1_000, password: PASSWORD, encryptsHeaders: true }),
  /** The same thousand volumes of as many articles each, and the articles are small. */
  thousandSmall: () => ({
    ...rar({
      format: 5,
      volumes: 1_000,
      dataBytes: Math.floor((VOLUME_BYTES / PART_SIZE) * SMALL_PART),
      password: PASSWORD,
      encryptsHeaders: true,
    }),
    partSize: SMALL_PART,
  }),
} satisfies Record<string, () => ArchivedPost>;

export type ArchivedPostName = keyof typeof ARCHIVED_POSTS;

function rar(spec: Partial<LargeRar> & Pick<LargeRar, "format">): ArchivedPost {
  const { volumes: files, film: content } = largeRar({
    path: FILM,
    volumes: VOLUMES,
    dataBytes: VOLUME_BYTES,
    ...spec,
  });
  const { password } = spec;
  return { files, partSize: PART_SIZE, holds: [content.size], ...(password === undefined ? {} : { password }) };
}

function sevenZipOf(header: "plain" | "lzma"): { readonly archive: Content; readonly holds: readonly number[] } {
  // The last piece is a little shorter than the others.
  const content = film(2, (VOLUMES - 0.1) * VOLUME_BYTES);
  return { archive: sevenZip({ files: [{ name: FILM, content }], header }), holds: [content.size] };
}

/** What the index of a recovery set says of files: their names, lengths, and the beginnings by which they are known. */
function recoverySet(files: readonly Named[]): Content {
  const described = files.map(({ name, content }) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(content.size));
    const start = md5(content.read(0, Math.min(MD5_16K, content.size)));
    const id = md5(Buffer.concat([start, length, Buffer.from(name)]));
    // Nobody reads gigabytes to look whether the checksum of the whole is right.
    const body = Buffer.concat([id, Buffer.alloc(16), start, length, Buffer.from(name)]);
    return { id, packet: packet("PAR 2.0\0FileDesc", body) };
  });
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(PART_SIZE));
  head.writeUInt32LE(files.length, 8);
  const main = packet("PAR 2.0\0Main", Buffer.concat([head, ...described.map(({ id }) => id)]));
  return bytesContent(Buffer.concat([main, ...described.map((file) => file.packet)]));
}

function oldName(number: number): string {
  return number === 0 ? "film.rar" : `film.r${String(number - 1).padStart(2, "0")}`;
}

function randomWord(number: number): string {
  return md5(Buffer.from(`word ${number}`)).toString("hex");
}

function md5(bytes: Buffer): Buffer {
  return createHash("md5").update(bytes).digest();
}
