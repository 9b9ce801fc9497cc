import { deflateRawSync } from "node:zlib";
import { bytesContent } from "../../../src/newsserver/content.ts";
import { loadImage } from "../../archive/iso-fixture.ts";
import { bytesOf, film, type Named } from "./contents.ts";
import { discFiles } from "./disc.ts";
import { across, type PostKind, type Served } from "./post-kind.ts";
import { smallRar } from "./rar.ts";
import { sevenZip } from "./seven-zip.ts";

const VOLUME = 60_000;
const PART = 20_000;
const SUBTITLES = Buffer.from("1\n00:00:01,000 --> 00:00:02,000\nHello\n".repeat(400));

/** A set with random ranges, wherever a member's bytes may lie in it. */
function nested(files: readonly Named[], inner: Named) {
  const serves = [{ path: inner.name, content: inner.content, crossings: across(inner.content, VOLUME) }];
  return { files, partSize: PART, wire: { bodies: 4 * files.length + 10 }, serves };
}

function rar5(files: readonly Named[], more: { readonly password?: string; readonly encryptsHeaders?: boolean } = {}) {
  return smallRar({ format: 5, volumeSize: VOLUME, files, ...more });
}

export const NESTED_KINDS: readonly PostKind[] = [
  {
    name: "a RAR set in a RAR set",
    release: "Twice.2026",
    build: () => {
      const inner = { name: "Twice.2026.mkv", content: film(101, 500_003) };
      return nested(rar5(smallRar({ format: 4, volumeSize: 90_000, files: [inner] })), inner);
    },
  },
  {
    name: "a 7z in a RAR in a RAR",
    release: "Thrice.2026",
    build: () => {
      const inner = { name: "Thrice.2026.mkv", content: film(102, 300_003) };
      const archive = { name: "inner.7z", content: sevenZip({ files: [inner], header: "plain" }) };
      const [whole] = smallRar({ format: 4, volumeSize: 10_000_000, files: [archive] });
      return nested(rar5([whole as Named]), inner);
    },
  },
  {
    name: "a RAR in an encrypted RAR",
    release: "Inside.Locked.2026",
    build: () => {
      const inner = { name: "Inside.Locked.2026.mkv", content: film(103, 400_003) };
      const [whole] = smallRar({ format: 5, volumeSize: 10_000_000, files: [inner] });
      const files = rar5([whole as Named], { password: "outer", encryptsHeaders: true });
      return { ...nested(files, inner), passwords: ["outer"] };
    },
  },
  {
    name: "a disc image without an extension in a RAR",
    release: "Hidden.Disc.2026",
    ranges: 5,
    build: () => {
      const image = { name: "Hidden.Disc", content: bytesContent(loadImage("rockridge.iso")) };
      const files = rar5([image]);
      const [whole, ...inside] = discFiles(image);
      // It gets the extension that it lacks.
      const serves = [{ ...(whole as Served), path: "Hidden.Disc.iso" }, ...inside];
      return { files, partSize: PART, wire: { bodies: 4 * files.length + 10 }, serves };
    },
  },
  {
    name: "a stored film and compressed subtitles in a ZIP",
    release: "Subtitled.2026",
    build: () => {
      const content = film(104, 200_003);
      const files = [
        { name: "Subtitled.2026.mkv", bytes: bytesOf(content), method: 0 },
        { name: "Subtitled.2026.en.srt", bytes: SUBTITLES, method: 8 },
      ];
      // The subtitles become a sidecar, which is no file of the post.
      const serves = [{ path: "Subtitled.2026.mkv", content, crossings: across(content, VOLUME) }];
      const posted = [{ name: "Subtitled.2026.zip", content: bytesContent(mixedZip(files)) }];
      return { files: posted, partSize: PART, wire: { bodies: 6 }, serves };
    },
  },
];

interface Mixed {
  readonly name: string;
  readonly bytes: Buffer;
  /** 0 is stored, 8 deflated. */
  readonly method: number;
}

/** A ZIP file as common tools write it: APPNOTE.TXT 4.3. */
function mixedZip(files: readonly Mixed[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, method } of files) {
    const data = method === 0 ? bytes : deflateRawSync(bytes);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x800, 2);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    locals.push(Buffer.concat([Buffer.from("504b0304", "hex"), fields, Buffer.from(name), data]));
    directory.push(Buffer.concat([Buffer.from("504b01021400", "hex"), fields, place, Buffer.from(name)]));
    offset += 30 + name.length + data.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(22);
  end.write("504b0506", 0, "hex");
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end]);
}
