import { bytesContent, patternContent } from "../../../src/newsserver/content.ts";
import { loadImage } from "../../archive/iso-fixture.ts";
import { film, joined } from "./contents.ts";
import { discFiles } from "./disc.ts";
import { across, type PostKind } from "./post-kind.ts";
import { smallRar } from "./rar.ts";

const VOLUME = 20_000;
const PART = 7_000;
export const RAR4_KINDS: readonly PostKind[] = [
  {
    name: "RAR4 stored, .rar .r00",
    release: "Old.Names.2026",
    build: () => {
      const content = film(41, 2_400_007);
      const files = smallRar({
        format: 4,
        volumeSize: VOLUME,
        names: "old",
        services: true,
        files: [{ name: "Old.Names.2026.mkv", content }],
      });
      const serves = [{ path: "Old.Names.2026.mkv", content, crossings: across(content, VOLUME) }];
      // A look at one end block in the middle, since names may lie.
      return { files, partSize: PART, wire: { bodies: files.length + 2 }, serves };
    },
  },
  {
    name: "RAR4 whose inner name is a hash",
    release: "Inner.Hash.2026",
    build: () => {
      const content = film(42, 300_001);
      const files = smallRar({
        format: 4,
        volumeSize: VOLUME,
        files: [{ name: "b082fa0beaa644d3aa01045d5b8d0b36.mkv", content }],
      });
      const serves = [{ path: "Inner.Hash.2026.mkv", content, crossings: across(content, VOLUME) }];
      return { files, partSize: PART, wire: { bodies: files.length + 2 }, serves };
    },
  },
  {
    name: "RAR4 without an ordinal in header or name",
    release: "No.Ordinal.2026",
    build: () => {
      const content = film(43, 700_001);
      const files = smallRar({
        format: 4,
        volumeSize: VOLUME,
        endNumbers: false,
        files: [{ name: "No.Ordinal.2026.mkv", content }],
      });
      const serves = [{ path: "No.Ordinal.2026.mkv", content, crossings: across(content, VOLUME) }];
      return { files, names: "random", partSize: PART, wire: { bodies: 2 * files.length }, serves };
    },
  },
  {
    name: "RAR4 with ordinals in its end blocks only",
    release: "End.Ordinals.2026",
    build: () => {
      const content = film(44, 700_001);
      const files = smallRar({
        format: 4,
        volumeSize: VOLUME,
        padding: 18,
        files: [{ name: "End.Ordinals.2026.mkv", content }],
      });
      const serves = [{ path: "End.Ordinals.2026.mkv", content, crossings: across(content, VOLUME) }];
      const wire = { bodies: 2 * files.length };
      return { files, names: "random", isShuffled: true, partSize: PART, wire, serves };
    },
  },
  {
    name: "RAR4 with encrypted headers",
    release: "Locked.Four.2026",
    build: () => {
      const content = film(45, 300_003);
      const files = smallRar({
        format: 4,
        volumeSize: VOLUME,
        password: "pässword-42",
        encryptsHeaders: true,
        files: [{ name: "Locked.Four.2026.mkv", content }],
      });
      const serves = [{ path: "Locked.Four.2026.mkv", content, crossings: across(content, VOLUME) }];
      const passwords = ["not this one", "pässword-42"];
      return { files, passwords, partSize: PART, wire: { bodies: files.length + 2 }, serves };
    },
  },
  {
    name: "RAR4 encrypted by a password of more than 28 letters",
    release: "Long.Password.2026",
    build: () => {
      const content = film(46, 200_003);
      const password = "a password of more than twenty-eight letters";
      const members = [{ name: "Long.Password.2026.mkv", content }];
      const files = smallRar({ format: 4, volumeSize: VOLUME, password, files: members });
      const serves = [{ path: "Long.Password.2026.mkv", content, crossings: across(content, VOLUME) }];
      return { files, passwords: [password], partSize: PART, wire: { bodies: files.length + 2 }, serves };
    },
  },
  {
    name: "an ISO inside RAR4",
    release: "Packed.Disc.2026",
    ranges: 5,
    build: () => {
      const image = { name: "Disc.2026.iso", content: bytesContent(loadImage("rockridge.iso")) };
      const files = smallRar({ format: 4, volumeSize: 50_000, files: [image] });
      const serves = discFiles(image);
      // The image's own directories lie in some articles of the first volumes.
      return { files, partSize: 17_000, wire: { bodies: 3 * files.length }, serves };
    },
  },
  {
    name: "several members that end anywhere",
    release: "Extras.2026",
    ranges: 50,
    build: () => {
      const inside = Array.from({ length: 9 }, (_, number) => ({
        name: `Extra.${number + 1}.mkv`,
        content: joined([film(50 + number, 10_000), patternContent(number, 9_001 * number)]),
      }));
      const files = smallRar({ format: 4, volumeSize: VOLUME, services: true, padding: 3, files: inside });
      const serves = inside.map(({ name, content }) => ({ path: name, content, crossings: across(content, VOLUME) }));
      return { files, partSize: PART, wire: { bodies: files.length + inside.length + 1 }, serves };
    },
  },
];
