import { describe, expect, test } from "@jest/globals";
import { parsePlaylist } from "../../src/archive/bluray-playlist.ts";
import { clpi, mpls, type Shown } from "./bluray-bytes.ts";
import { bytesOf, CountedImage, discContent, generousBudget, open } from "./iso-fixture.ts";
import { type UdfFile, writeUdf } from "./udf-writer.ts";

/** Seconds of each clip, all of which begin at second 600 of their clocks; a clip has one packet of 192 bytes for every 10 seconds. */
const CLIPS: Readonly<Record<string, number>> = {
  "00001": 30,
  "00002": 3000,
  "00003": 2000,
  "00004": 1000,
  "00005": 400,
};

function m2ts(clip: string): Buffer {
  return discContent(clip, Math.ceil((CLIPS[clip] as number) / 10) * 192);
}

function whole(...clips: string[]): Shown[] {
  return clips.map((clip) => ({ clip, from: 600, to: 600 + (CLIPS[clip] as number) }));
}

function disc(
  playlists: Readonly<Record<string, readonly Shown[]>>,
  change: (file: UdfFile) => UdfFile = (file) => file,
  size?: number,
) {
  const clips = Object.entries(CLIPS).flatMap(([clip, seconds]): UdfFile[] => [
    { path: `BDMV/STREAM/${clip}.m2ts`, bytes: m2ts(clip), runs: 3 },
    { path: `BDMV/CLIPINF/${clip}.clpi`, bytes: clpi(600, 600 + seconds, Math.ceil(seconds / 10)) },
  ]);
  const lists = Object.entries(playlists).map(([name, items]): UdfFile => {
    return { path: `BDMV/PLAYLIST/${name}.mpls`, bytes: mpls(items) };
  });
  const files = [{ path: "BDMV/index.bdmv", bytes: discContent("index", 200) }, ...lists, ...clips];
  return new CountedImage(writeUdf(files.map(change), { hasMetadata: true }), size);
}

const MENU = whole("00001");
const FILM = whole("00002", "00003", "00004");

describe("the main feature of a Blu-ray", () => {
  test("is the clips of the longest playlist, joined byte for byte, beside the files themselves", async () => {
    const image = disc({ "00000": MENU, "00800": FILM, "00801": whole("00002", "00003"), "00900": whole("00005") });
    const { stored, feature } = await open(image);
    expect(feature?.path).toBe("Release.m2ts");
    if (feature === undefined) return;
    const expected = Buffer.concat(["00002", "00003", "00004"].map(m2ts));
    expect(feature.size).toBe(expected.length);
    expect((await bytesOf(image, feature)).equals(expected)).toBe(true);
    expect(stored.map(({ path }) => path)).toContain("BDMV/STREAM/00003.m2ts");
    expect(stored).not.toContain(feature);
  });

  test("is found without reading any film", async () => {
    // The clips lie beyond everything else, in an image of 64 GiB.
    let block = 1_000_000;
    const farAway = (file: UdfFile): UdfFile => {
      if (!file.path.endsWith(".m2ts")) return file;
      const size = 192 * 2_000_000;
      const allocations = [[size, block]] as const;
      block += Math.ceil(size / 2048);
      return { path: file.path, bytes: Buffer.alloc(0), size, allocations };
    };
    const image = disc({ "00000": MENU, "00800": FILM }, farAway, 64 * 2 ** 30);
    const { feature } = await open(image);
    expect(feature?.size).toBe(3 * 192 * 2_000_000);
    expect(image.reads.every(({ end }) => end < 1_000_000 * 2048)).toBe(true);
    expect(image.reads.length).toBeLessThanOrEqual(10);
  });

  test("is not a longer playlist that repeats a clip, shows stills, lacks a clip or shows one in part", async () => {
    const image = disc({
      "00001": [...FILM, ...whole("00002")],
      "00002": [...FILM, { clip: "00005", from: 600, to: 1000, isStill: true }],
      "00003": [...FILM, { clip: "00999", from: 0, to: 500 }],
      "00004": [...FILM, { clip: "00005", from: 600, to: 900 }],
      "00005": [...FILM, { clip: "00005", from: 650, to: 1000 }],
      "00800": FILM,
    });
    const { feature } = await open(image);
    expect(feature?.size).toBe((6000 / 10) * 192);
  });

  test("may leave out two seconds at either end of a clip", async () => {
    const trimmed = FILM.map(({ clip, from, to }) => ({ clip, from: from + 1.5, to: to - 1.5 }));
    expect((await open(disc({ "00800": trimmed }))).feature?.size).toBe((6000 / 10) * 192);
    const shorter = FILM.map(({ clip, from, to }) => ({ clip, from: from + 2.5, to }));
    expect((await open(disc({ "00800": shorter }))).feature).toBeUndefined();
  });

  test("is not offered when playlists differ only in the order of their clips", async () => {
    const image = disc({ "00800": FILM, "00801": whole("00003", "00002", "00004") });
    expect((await open(image)).feature).toBeUndefined();
    const same = disc({ "00800": FILM, "00801": FILM });
    expect((await open(same)).feature?.size).toBe((6000 / 10) * 192);
  });

  test("is not offered when everything is shorter than two minutes", async () => {
    expect((await open(disc({ "00000": MENU }))).feature).toBeUndefined();
  });

  test("is not offered when a clip has no whole packets, no description, or is no file of the image", async () => {
    const cases: ((file: UdfFile) => UdfFile)[] = [
      (file) => (file.path.endsWith("00003.m2ts") ? { ...file, bytes: file.bytes.subarray(1) } : file),
      (file) => (file.path.endsWith("00003.clpi") ? { ...file, path: `${file.path}.bak` } : file),
      (file) => (file.path.endsWith("00003.m2ts") ? { ...file, hasHole: true } : file),
      (file) => (file.path.endsWith("00003.clpi") ? { ...file, bytes: discContent("noise", 400) } : file),
    ];
    for (const change of cases) expect((await open(disc({ "00800": FILM }, change))).feature).toBeUndefined();
  });

  test("a playlist that is cut anywhere is ignored, or read as what it was", () => {
    const bytes = mpls(FILM);
    const whole = parsePlaylist(bytes);
    expect(whole).toHaveLength(3);
    for (let length = 0; length < bytes.length; length += 1) {
      const items = parsePlaylist(bytes.subarray(0, length));
      if (items !== undefined) expect(items).toEqual(whole);
    }
  });

  test("three hundred playlists are read by windows", async () => {
    const decoys = Array.from({ length: 300 }, (_, n) => [String(n).padStart(5, "0"), MENU] as const);
    const image = disc({ ...Object.fromEntries(decoys), "00800": FILM });
    const budget = generousBudget();
    const { feature } = await open(image, budget);
    expect(feature?.size).toBe((6000 / 10) * 192);
    // A file entry and a playlist are a block each: 38 windows, and a few for the rest.
    expect(image.reads.length).toBeLessThanOrEqual(48);
    expect(budget.reads).toBe(generousBudget().reads - image.reads.length);
  });
});

describe("the main feature of a DVD", () => {
  const vob = (name: string, packs: number): UdfFile => {
    return { path: `VIDEO_TS/${name}`, bytes: discContent(name, packs * 2048) };
  };

  test("is the files of the title set with the most film, without its menu", async () => {
    const image = new CountedImage(
      writeUdf([
        vob("VIDEO_TS.VOB", 90),
        vob("VTS_01_0.VOB", 80),
        vob("VTS_01_1.VOB", 5),
        vob("VTS_02_0.VOB", 3),
        vob("VTS_02_2.VOB", 4),
        vob("VTS_02_1.VOB", 10),
      ]),
    );
    const { feature } = await open(image);
    expect(feature?.path).toBe("Release.mpg");
    if (feature === undefined) return;
    const expected = Buffer.concat([discContent("VTS_02_1.VOB", 20_480), discContent("VTS_02_2.VOB", 8192)]);
    expect((await bytesOf(image, feature)).equals(expected)).toBe(true);
  });

  test("is not offered when a part is missing or cut", async () => {
    const gap = writeUdf([vob("VTS_01_1.VOB", 9), vob("VTS_01_3.VOB", 9)]);
    expect((await open(new CountedImage(gap))).feature).toBeUndefined();
    const late = writeUdf([vob("VTS_01_2.VOB", 9)]);
    expect((await open(new CountedImage(late))).feature).toBeUndefined();
    const cut = writeUdf([{ path: "VIDEO_TS/VTS_01_1.VOB", bytes: discContent("cut", 5000) }]);
    expect((await open(new CountedImage(cut))).feature).toBeUndefined();
  });
});
