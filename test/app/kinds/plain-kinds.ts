import { bytesContent } from "../../../src/newsserver/content.ts";
import { loadImage } from "../../archive/iso-fixture.ts";
import { film, type Named } from "./contents.ts";
import { discFiles } from "./disc.ts";
import type { PostKind } from "./post-kind.ts";
import type { Posting } from "./posting.ts";

const PART = 20_000;

/** Files that are posted as they are: their first and last articles tell all. */
function plain(files: readonly Named[], more: Partial<Posting> = {}) {
  const serves = files.map(({ name, content }) => ({ path: name, content }));
  return { files, partSize: PART, wire: { bodies: 2 * files.length }, serves, ...more };
}

export const PLAIN_KINDS: readonly PostKind[] = [
  {
    name: "a plain file, small",
    release: "Small.Film.2026",
    build: () => plain([{ name: "Small.Film.2026.mkv", content: film(1, 300_001) }]),
  },
  {
    name: "a plain file, medium",
    release: "Medium.Film.2026",
    build: () => plain([{ name: "Medium.Film.2026.mkv", content: film(2, 8_000_003) }]),
  },
  {
    name: "a plain season pack",
    release: "Show.S01",
    ranges: 20,
    build: () =>
      plain(
        Array.from({ length: 24 }, (_, episode) => ({
          name: `Show.S01E${String(episode + 1).padStart(2, "0")}.1080p.mkv`,
          content: film(10 + episode, 250_000 + episode),
        })),
      ),
  },
  {
    name: "a disc image as it is",
    release: "Disc.2026",
    ranges: 3,
    build: () => {
      const image = { name: "Disc.2026.iso", content: bytesContent(loadImage("rockridge.iso")) };
      return { ...plain([image]), wire: { bodies: 6 }, serves: discFiles(image) };
    },
  },
  {
    name: "10151 file elements of one segment that form one file",
    release: "Many.Elements.2026",
    build: () => {
      const content = film(3, 10_151 * 1_000 - 7);
      return {
        ...plain([{ name: "Many.Elements.2026.mkv", content }]),
        partSize: 1_000,
        isOneElementPerPart: true,
        wire: { bodies: 4 },
      };
    },
  },
];
