import type { RarMember, RarSpec } from "./rar-writer.ts";

/** Content that is a function of its offset and a seed; no two blocks of it are alike. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (Math.imul(at + seed * 7919, 0x9e3779b1) >>> 13) & 0xff;
  return bytes;
}

/** A folder, a film, something small, a name beyond ASCII, and nothing. */
export const TREE: readonly RarMember[] = [
  { path: "film", content: Buffer.alloc(0), isDirectory: true },
  { path: "film/Some.Movie.2024.mkv", content: pattern(50_001) },
  { path: "film/sub/inner.nfo", content: pattern(777, 2) },
  { path: "film/日本語 名前 é𝐀.srt", content: pattern(50, 3) },
  { path: "film/empty.bin", content: Buffer.alloc(0) },
  { path: "film/extra.mkv", content: pattern(9_999, 4) },
];

const LONG_PASSWORD = "a password of more than twenty-nine letters, which is long";

/** One of every kind that the writer can write. */
export const SAMPLES: Readonly<Record<string, RarSpec>> = Object.fromEntries(
  ([4, 5] as const).flatMap((format) =>
    [undefined, 8_000].flatMap((volumeSize) =>
      [
        ["plain", {}],
        ["services", { services: true, padding: 18 }],
        ["p", { password: "pässword-42" }],
        ["hp", { password: "pässword-42", encryptsHeaders: true }],
        ["hp-services", { password: "x", encryptsHeaders: true, services: true, padding: 5 }],
        ["p-long", { password: LONG_PASSWORD }],
        // 7-Zip follows old names in RAR4 only.
        ...(format === 4 ? [["old-names", { names: "old" }] as const] : []),
        ["no-checksums", format === 5 ? { checksums: false } : { endNumbers: false }],
        ["no-check-value", format === 5 ? { password: "z", passwordCheck: false } : { password: "z" }],
      ].map(([name, spec]) => [
        `rar${format}-${volumeSize ? "volumes" : "one"}-${name}`,
        { format, members: TREE, ...(volumeSize && { volumeSize }), ...(spec as object) } as RarSpec,
      ]),
    ),
  ),
);
