import { describe, expect, test } from "@jest/globals";
import { type FileReader, ReadClassifier } from "../../src/mount/read-classes.ts";
import type { ReadClass } from "../../src/reader/read-class.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZE = 50 * 1024 * MIB;
const CHUNK = 512 * KIB;

interface Step {
  readonly from: number;
  /** The end of the range; the end of the file unless given. */
  readonly to?: number;
  /** Bytes that go out before the client leaves; all of the range unless given. */
  readonly take?: number;
  /** Bytes a second. */
  readonly rate?: number;
  /** How much of that time each chunk lies with the client. */
  readonly held?: number;
}

/** What the reader is taken for when each request comes, and when it ends; a class that stays is named once. */
function replay(steps: readonly Step[], who: Partial<FileReader> = {}): readonly string[] {
  const { size = SIZE, isMedia = true, userAgent = "Player/1.0" } = who;
  const classifier = new ReadClassifier({ size, isMedia, userAgent });
  let now = 0;
  return steps.map(({ from, to = size, take = to - from, rate = 5e6, held = 0 }) => {
    const request = classifier.request({ start: from, end: to }, now);
    const classes: ReadClass[] = [classifier.class];
    for (let left = take; left > 0; left -= CHUNK) {
      const bytes = Math.min(left, CHUNK);
      const ms = (bytes / rate) * 1000;
      now += ms;
      request.sent(bytes, now, ms * held);
      if (classes.at(-1) !== classifier.class) classes.push(classifier.class);
    }
    return classes.join(" > ");
  });
}

const head = { from: 0, to: 64 * KIB };
const tail = { from: SIZE - 64 * KIB };
const at = (share: number, bytes: number): Step => ({ from: share * SIZE, to: share * SIZE + bytes });
const fast = 100e6;

describe("a read is", () => {
  const LAVF = "Lavf/60.16.100";
  test.each<[string, string, readonly Step[], readonly string[]]>([
    [
      "a scan: ffprobe looks at head, tail and head, and its socket takes more than it reads",
      LAVF,
      [{ from: 0, take: 9 * MIB, rate: fast }, { ...tail }, { from: 0, take: 3 * MIB, rate: fast }],
      ["scan", "scan", "scan"],
    ],
    [
      "a scan: a thumbnailer jumps through the film",
      LAVF,
      [0, 0.1, 0.5, 0.9].map((share) => ({ from: share * SIZE, take: 6 * MIB, rate: fast })),
      ["scan", "scan", "scan", "scan"],
    ],
    [
      "a scan: Plex Media Scanner",
      "Lavf/58.29.100 Plex Media Scanner/1.40",
      [{ from: 0, take: 4 * MIB }, tail],
      ["scan", "scan"],
    ],
    [
      "playing: a player that calls itself Lavf reads on",
      LAVF,
      [{ from: 0, take: 5 * MIB, rate: fast }, tail, { from: 5 * MIB, take: 20 * MIB, rate: fast }, tail],
      ["scan", "scan", "scan > play", "play"],
    ],
    [
      "playing: such a player without a buffer shows its pace long before it has read much",
      LAVF,
      [{ from: 0, take: 4 * MIB, rate: 0.5e6, held: 0.9 }],
      ["scan > play"],
    ],
    [
      "a scan: head, tail, head in small pieces, as media managers read for the duration",
      "Infuse-Direct/7.7",
      [head, tail, head, at(0.3, MIB), at(0.6, 256 * KIB)],
      ["scan", "scan", "scan", "scan", "scan"],
    ],
    [
      "playing, from the moment when such a client asks for all there is",
      "Infuse-Direct/7.7",
      [head, tail, { from: 64 * KIB, take: MIB }],
      ["scan", "scan", "play"],
    ],
    [
      "playing, from its first byte: Kodi opens, looks at the index, seeks",
      "Kodi/21.0 (X11; Linux x86_64)",
      [{ from: 0, take: MIB }, tail, { from: SIZE / 2, take: 300 * MIB, rate: 6e6, held: 0.5 }, tail],
      ["play", "play", "play", "play"],
    ],
    [
      "playing: 512 KiB after 512 KiB, as Finder reads",
      "WebDAVFS/3.0.0",
      Array.from({ length: 9 }, (_, n) => ({ from: n * 512 * KIB, to: (n + 1) * 512 * KIB })),
      [...Array(7).fill("scan"), "scan > play", "play"],
    ],
    [
      "playing: two tracks in turns, each in small pieces",
      "Player/1.0",
      Array.from({ length: 20 }, (_, n) => {
        const from = (n % 2 === 0 ? 1000 : 9000) * MIB + Math.floor(n / 2) * 512 * KIB;
        return { from, to: from + 512 * KIB };
      }),
      [...Array(14).fill("scan"), "scan > play", ...Array(5).fill("play")],
    ],
    [
      "playing: an rclone mount asks for 128 MiB and leaves early, again and again",
      "rclone/v1.60.1",
      [0, 0.2, 0.4].map((share) => ({ ...at(share, 128 * MIB), take: 18 * MIB, rate: fast })),
      ["play", "play", "play"],
    ],
    [
      "playing: an rclone mount with a cache doubles its chunks, and a film runs over it",
      "rclone/v1.60.1",
      [0, 1, 3, 7, 15, 31, 63, 127].map((start) => ({
        from: start * MIB,
        to: (2 * start + 1) * MIB,
        rate: 8e6,
        held: 0.5,
      })),
      ["scan", ...Array(7).fill("play")],
    ],
    [
      "a download: the same chunks as fast as they come",
      "rclone/v1.60.1",
      [0, 1, 3, 7, 15, 31, 63, 127].map((start) => ({ from: start * MIB, to: (2 * start + 1) * MIB, rate: fast })),
      ["scan", ...Array(6).fill("play"), "play > download"],
    ],
    [
      "playing: a film of the highest rate there is, without a pause for hours",
      "Player/1.0",
      [{ from: 0, take: 2000 * MIB, rate: 18e6 }],
      ["play"],
    ],
    [
      "playing: mpv fills 150 MiB at once, then goes at the film's pace",
      "mpv",
      [
        { from: 0, take: 150 * MIB, rate: fast },
        { from: 150 * MIB, take: 500 * MIB, rate: 5e6, held: 0.8 },
      ],
      ["play", "play"],
    ],
    [
      "playing again, when what looked like a download lets its bytes lie",
      "Player/1.0",
      [
        { from: 0, take: 300 * MIB, rate: fast },
        { from: 300 * MIB, take: MIB, rate: 0.5e6, held: 1 },
      ],
      ["play > download", "download > play"],
    ],
    [
      "a download: curl takes what there is, however slow the providers are",
      "curl/7.88.1",
      [{ from: 0, take: 40 * MIB, rate: 2e6, held: 0.1 }],
      ["play > download"],
    ],
    [
      "a download: davfs2 fetches the whole file when it is opened",
      "davfs2/1.6.1 neon/0.32.4",
      [{ from: 0, take: 40 * MIB, rate: 60e6, held: 0.3 }],
      ["play > download"],
    ],
    [
      "playing: curl into a player goes at the player's pace",
      "curl/7.88.1",
      [{ from: 0, take: 300 * MIB, rate: 3e6, held: 0.9 }],
      ["play"],
    ],
    ["a scan: curl looks at a kilobyte", "curl/7.88.1", [{ from: 0, to: KIB }], ["scan"]],
    [
      "a download: aria2 with many pieces",
      "aria2/1.36.0",
      [0, 0.2, 0.4].map((share) => ({ ...at(share, 20 * MIB), rate: fast })),
      ["play > download", "play > download", "play > download"],
    ],
  ])("%s", (_claim, userAgent, steps, classes) => {
    expect(replay(steps, { userAgent })).toEqual(classes);
  });

  test.each<[string, Partial<FileReader>, Step, string]>([
    ["playing: the whole of a short film", { size: 300 * KIB }, { from: 0 }, "play"],
    ["playing: a seek into a short film", { size: 300 * KIB }, { from: 150 * KIB }, "play"],
    ["a scan: the end of a short film", { size: 300 * KIB }, { from: 290 * KIB }, "scan"],
    ["a scan: a text beside the film", { size: 20 * KIB, isMedia: false }, { from: 0 }, "scan"],
    ["not known for a scan: a large file that is no film", { isMedia: false }, { from: 0, take: MIB }, "play"],
  ])("%s", (_claim, who, step, expected) => {
    expect(replay([step], who)).toEqual([expected]);
  });
});
