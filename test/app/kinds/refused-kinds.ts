import { film } from "./contents.ts";
import type { PostKind, Refusal } from "./post-kind.ts";
import type { Posting } from "./posting.ts";
import { asCompressed, type SmallRar, smallRar } from "./rar.ts";

const VOLUME = 20_000;
const PART = 7_000;
const NAME = "Refused.2026.mkv";

function set(format: 4 | 5, rar: Partial<SmallRar> = {}) {
  return smallRar({ format, volumeSize: VOLUME, files: [{ name: NAME, content: film(97, 500_001) }], ...rar });
}

function refused(files: Posting["files"], refusal: Refusal, more: Partial<Posting> = {}) {
  return { files, partSize: PART, wire: { bodies: 2 * files.length, stats: 12 }, refused: refusal, ...more };
}

export const REFUSED_KINDS: readonly PostKind[] = [
  {
    name: "RAR4 compressed",
    release: "Compressed.2026",
    build: () =>
      refused(asCompressed(set(4), NAME, 4), { code: "ARCHIVE_COMPRESSED", reason: /Refused\.2026\.mkv.*compressed/ }),
  },
  {
    name: "RAR5 mixed, the video compressed",
    release: "Mixed.2026",
    build: () => {
      const files = [
        { name: "Refused.2026.nfo", content: film(96, 900) },
        { name: NAME, content: film(97, 500_001) },
      ];
      const volumes = asCompressed(set(5, { files }), NAME, 5);
      return refused(volumes, { code: "ARCHIVE_COMPRESSED", reason: /efused\.2026\.mkv.*compressed/ });
    },
  },
  {
    name: "RAR5 with encrypted headers and no password",
    release: "Locked.Out.2026",
    build: () =>
      refused(set(5, { password: "nobody knows", encryptsHeaders: true }), {
        code: "ARCHIVE_ENCRYPTED",
        reason: /encrypted.*password|password.*encrypted/,
      }),
  },
  {
    name: "RAR5 with encrypted headers and a wrong password",
    release: "Locked.Wrong.2026",
    build: () =>
      refused(
        set(5, { password: "nobody knows", encryptsHeaders: true }),
        { code: "ARCHIVE_ENCRYPTED", reason: /password/ },
        { passwords: ["a wrong one"] },
      ),
  },
  {
    name: "15 of 16 articles gone",
    release: "Nearly.Gone.2026",
    build: () => ({
      ...refused([{ name: NAME, content: film(98, 16 * PART) }], {
        code: "ARTICLE_MISSING",
        reason: /missing on all providers/,
      }),
      isLost: (_file: number, part: number) => part !== 5,
    }),
  },
  {
    name: "a dead post",
    release: "Dead.2026",
    build: () =>
      refused(set(5), { code: "ARTICLE_MISSING", reason: /missing on all providers/ }, { isLost: () => true }),
  },
  {
    name: "a RAR set whose last volume says that it continues",
    release: "Continues.2026",
    build: () =>
      refused(set(5).slice(0, -1), { code: "ARCHIVE_INCOMPLETE", reason: /volume 26 of (its|the) set.*missing/ }),
  },
  {
    name: "a RAR set without one of its middle volumes",
    release: "Gap.2026",
    build: () =>
      refused(
        set(5).filter((_, index) => index !== 10),
        { code: "ARCHIVE_INCOMPLETE", reason: /volume 11 of (its|the) set.*missing/ },
      ),
  },
];
