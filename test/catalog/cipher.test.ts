import { describe, expect, test } from "@jest/globals";
import type { FileCipher, NewFile } from "../../src/catalog/catalog.ts";
import { openDatabase } from "../../src/catalog/database.ts";
import { migrate, readMigrations } from "../../src/catalog/migrations.ts";
import { catalogOver } from "../../src/catalog/open-catalog.ts";
import { evenPost, fileOf, idOf, library, releaseOf, seeded, thrownBy, walk } from "./fixture.ts";

const KEY = Buffer.from("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "hex");
const IV = Buffer.from("0f0e0d0c0b0a09080706050403020100", "hex");
const SIZE = 50_001;
/** The whole blocks of ciphertext that hold them, 21 bytes after the stream begins. */
const RUNS = 50_032;
const CBC: FileCipher = { key: KEY, iv: IV, size: SIZE, skip: 21 };
const CTR: FileCipher = { mode: "ctr", key: KEY.subarray(0, 24), iv: Buffer.alloc(0), size: SIZE };
const POSTS = [evenPost(seeded(1), 8, 10_000), evenPost(seeded(2), 8, 10_000)];

/** Over two posts, cut where no block ends. */
function encrypted(cipher: FileCipher | undefined, path = "film.mkv"): NewFile {
  const runs = [
    { post: 1, start: 77, end: 20_082 },
    { post: 0, start: 5, end: 5 + RUNS - 20_005 },
  ];
  return cipher === undefined ? fileOf(path, runs) : { ...fileOf(path, runs), cipher };
}

function tagOf(file: NewFile): string {
  using shelf = library();
  const catalog = shelf.open();
  catalog.addRelease(releaseOf({ posts: POSTS, files: [file] }));
  return catalog.find("movies/Film/film.mkv")?.contentTag as string;
}

describe("a file that was posted encrypted", () => {
  test.each([
    ["CBC", CBC],
    ["CTR", CTR],
  ])("has the size of its plaintext, while its map of %s spans the ciphertext and says how to read it", (_, cipher) => {
    using shelf = library();
    shelf.open().addRelease(releaseOf({ posts: POSTS, files: [encrypted(cipher)] }));
    const catalog = shelf.reopen();
    const id = idOf(catalog, "movies/Film/film.mkv");
    expect(catalog.find("movies/Film/film.mkv")?.size).toBe(SIZE);
    expect(catalog.file(id)?.size).toBe(SIZE);
    expect(catalog.stats().bytes).toBe(SIZE);
    expect(catalog.releaseFiles(1 as never)).toEqual([{ path: "movies/Film/film.mkv", size: SIZE }]);
    const map = catalog.extents(id);
    expect(map.size).toBe(RUNS);
    expect(walk(map).at(-1)?.end).toBe(RUNS);
    const { key, iv, ...rest } = map.cipher as FileCipher;
    expect([Buffer.from(key), Buffer.from(iv), rest]).toEqual([
      Buffer.from(cipher.key),
      Buffer.from(cipher.iv),
      { ...(cipher.mode === undefined ? {} : { mode: "ctr" }), size: SIZE, skip: cipher.skip ?? 0 },
    ]);
  });

  test("keeps its cipher when it is moved, copied, removed and restored, with its folder too", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(releaseOf({ posts: POSTS, files: [encrypted(CBC)] }));
    catalog.move("movies/Film/film.mkv", "movies/Film/moved.mkv");
    catalog.copy("movies/Film/moved.mkv", "movies/Film/copy.mkv", "infinity");
    catalog.copy("movies/Film", "movies/Second", "infinity");
    catalog.remove("movies/Second/moved.mkv");
    const [item] = catalog.trash.list({ limit: 1 });
    catalog.trash.restore(item?.id as never);
    const paths = ["Film/moved.mkv", "Film/copy.mkv", "Second/moved.mkv", "Second/copy.mkv"];
    const entries = paths.map((path) => catalog.find(`movies/${path}`));
    expect(new Set(entries.map((entry) => entry?.contentTag)).size).toBe(1);
    for (const entry of entries) {
      expect(entry?.size).toBe(SIZE);
      expect(catalog.extents(entry?.id as never).cipher).toMatchObject({ key: KEY, iv: IV, size: SIZE, skip: 21 });
    }
    expect(catalog.stats().bytes).toBe(4 * SIZE);
  });

  test("has a tag that changes with whatever would change its bytes, and a plain file keeps the one that it had", () => {
    const variants: readonly (FileCipher | undefined)[] = [
      undefined,
      CBC,
      { ...CBC, key: KEY.subarray(0, 16) },
      { ...CBC, iv: Buffer.alloc(16) },
      { ...CBC, size: SIZE - 1 },
      { ...CBC, skip: 20 },
      { ...CBC, mode: "ctr", iv: Buffer.alloc(0) },
    ];
    const tags = variants.map((cipher) => tagOf(encrypted(cipher)));
    expect(new Set(tags).size).toBe(variants.length);
    expect(tagOf(encrypted(CBC))).toBe(tags[1]);
    expect(tags[0]).toBe("Smq3XcDoDGgoUMOm28b7");
  });

  test("may stand beside plain ones and empty ones, encrypted or not", () => {
    using shelf = library();
    const catalog = shelf.open();
    const none = { path: "none", runs: [], modifiedAt: 0 };
    catalog.addRelease(
      releaseOf({
        posts: POSTS,
        files: [none, { ...none, path: "no secret", cipher: { ...CBC, size: 0, skip: 0 } }, encrypted(CBC)],
      }),
    );
    for (const name of ["none", "no secret"]) {
      expect(catalog.find(`movies/Film/${name}`)?.size).toBe(0);
      expect(catalog.extents(idOf(catalog, `movies/Film/${name}`)).size).toBe(0);
    }
    expect(catalog.extents(idOf(catalog, "movies/Film/none")).cipher).toBeUndefined();
    expect(catalog.stats()).toMatchObject({ files: 3, bytes: SIZE });
  });

  test.each<[string, Partial<FileCipher>]>([
    ["a key that AES does not know", { key: KEY.subarray(0, 31) }],
    ["no IV", { iv: Buffer.alloc(0) }],
    ["an IV beside a counter", { mode: "ctr" }],
    ["more plaintext than its runs can hold", { size: RUNS - 20 }],
    ["a size that is no number of bytes", { size: 0.5 }],
    ["a start before its stream", { skip: -1 }],
    ["a start far into its stream", { skip: 65_536 }],
  ])("is refused with %s, and nothing of its release is there", (_, change) => {
    using shelf = library();
    const catalog = shelf.open();
    const add = () => catalog.addRelease(releaseOf({ posts: POSTS, files: [encrypted({ ...CBC, ...change })] }));
    expect(add).toThrow(RangeError);
    expect(thrownBy(add).message).not.toMatch(/0011|17,34/);
    expect(catalog.stats()).toMatchObject({ files: 0, releases: 0 });
  });

  test("comes to a catalog of the version before it, whose files stay as they are", () => {
    using shelf = library();
    const steps = readMigrations();
    const db = openDatabase(shelf.path);
    migrate(db, steps.slice(0, 5));
    db.exec(`INSERT INTO entry (id, parent, name, kind, created_at, modified_at) VALUES (1, NULL, '', 'folder', 0, 0);
      INSERT INTO entry (parent, name, kind, size, created_at, modified_at, runs) VALUES (1, 'old', 'file', 0, 0, 0, x'');`);
    migrate(db, steps);
    using catalog = catalogOver(db, { clock: shelf.clock });
    expect(catalog.extents(idOf(catalog, "old"))).toMatchObject({ size: 0, cipher: undefined });
  });
});
