import { describe, expect, test } from "@jest/globals";
import { RarKeys } from "../../src/archive/rar-keys.ts";
import { deriveRar3Key } from "../../src/archive/rar3-kdf.ts";
import { contentsOf, mapBag, sha256, signal, WORKER } from "./rar-bags.ts";
import { pattern } from "./rar-samples.ts";
import { type RarSpec, writeRar } from "./rar-writer.ts";

const FILM = { path: "film.bin", content: pattern(70_001) };
const SALT = Buffer.from("0123456789abcdef", "hex");

function locked(spec: Partial<RarSpec>) {
  return writeRar({ format: 5, volumeSize: 30_000, members: [FILM], password: "sesame", ...spec });
}

describe.each([4, 5] as const)("RAR%d with a password", (format) => {
  test.each([
    ["members", {}],
    ["headers", { encryptsHeaders: true }],
  ])("opens its %s with the right one of several, and derives each key once", async (_, spec) => {
    const bag = await mapBag(locked({ format, ...spec }), ["wrong", "sesame", "also wrong"]);
    expect(await contentsOf(bag)).toEqual({ "film.bin": sha256(FILM.content) });
    // RAR4: a key for each password up to the right one; RAR5: a check value for each and a key for the right one.
    expect(bag.keys.derivations).toBe(format === 4 ? 2 : 3);
  });

  test("without any names the member as encrypted", async () => {
    const { sets } = await mapBag(locked({ format }));
    expect(sets[0]?.map.stored).toEqual([]);
    expect(sets[0]?.map.refused).toMatchObject([{ path: "film.bin", code: "ARCHIVE_ENCRYPTED" }]);
    expect(sets[0]?.map.refused[0]?.message).toMatch(/no password is known$/);
  });

  test("and encrypted headers names every volume as locked, with or without a wrong password", async () => {
    const files = locked({ format, encryptsHeaders: true });
    const bags = [await mapBag(files), await mapBag(files, ["a", "b"])];
    for (const { sets, outside } of bags) {
      expect(sets).toEqual([]);
      expect(outside.map(({ error }) => (error as { code?: string }).code)).toEqual(
        files.map(() => "ARCHIVE_ENCRYPTED"),
      );
    }
    expect(bags[0]?.outside[0]?.error.message).toMatch(/no password is known$/);
    expect(bags[1]?.outside[0]?.error.message).toMatch(/none of the 2 known passwords opens them$/);
  });

  test("takes every character of it as it is", async () => {
    for (const password of ["a.{b}}", "ü ж 日本 𝐀", " x "]) {
      const bag = await mapBag(locked({ format, password, encryptsHeaders: true }), ["sesame", password]);
      expect(await contentsOf(bag)).toEqual({ "film.bin": sha256(FILM.content) });
    }
  });

  test("never shows it in what it says", async () => {
    const secrets = ["hunter2-hunter2", "tr0ub4dor&3"];
    const { sets, outside } = await mapBag(locked({ format }), secrets);
    const said = JSON.stringify([sets, outside.map(({ error }) => error.message)]);
    for (const secret of secrets) expect(said).not.toContain(secret);
  });
});

describe("a wrong password", () => {
  test("is named as such where RAR5 keeps a check value", async () => {
    const { sets } = await mapBag(locked({ format: 5 }), ["wrong"]);
    expect(sets[0]?.map.refused).toMatchObject([{ code: "ARCHIVE_ENCRYPTED" }]);
    expect(sets[0]?.map.refused[0]?.message).toContain("none of the 1 known passwords");
  });

  test.each([
    ["by the checksum of a small member", { path: "a.nfo", content: pattern(100) }],
    [
      "by how a film begins",
      { path: "a.mkv", content: Buffer.concat([Buffer.from("1a45dfa3", "hex"), pattern(69_000)]) },
    ],
  ])("is told in RAR4 %s", async (_, member) => {
    const files = locked({ format: 4, members: [member] });
    const wrong = await mapBag(files, ["wrong", "worse"]);
    expect(wrong.sets[0]?.map.refused).toMatchObject([{ code: "ARCHIVE_ENCRYPTED" }]);
    const right = await mapBag(files, ["wrong", "sesame"]);
    expect(await contentsOf(right)).toEqual({ [member.path]: sha256(member.content) });
  });

  test("is told in RAR4 by a small member beside one that says nothing", async () => {
    const members = [
      { path: "x", content: pattern(70_000) },
      { path: "y", content: pattern(50) },
    ];
    const bag = await mapBag(locked({ format: 4, members }), ["wrong", "sesame"]);
    expect(await contentsOf(bag)).toEqual(Object.fromEntries(members.map((one) => [one.path, sha256(one.content)])));
  });

  test("costs no more of a RAR4 volume with encrypted headers than the right one does", async () => {
    const spec = { format: 4, volumeSize: 200_000, encryptsHeaders: true } as const;
    const files = locked({ ...spec, members: [{ path: "x", content: pattern(390_000) }] });
    const wrong = await mapBag(files, ["a", "b", "c", "d", "e", "f"]);
    expect(wrong.costs).toEqual(files.map(() => ({ reads: 1, bytes: 4096 })));
    expect(wrong.outside).toHaveLength(files.length);
  });

  test("cannot be told in RAR4 where a member's bytes say nothing, so the first password stands", async () => {
    const files = locked({ format: 4, members: [{ path: "x", content: pattern(70_000) }] });
    const [first, second] = [await mapBag(files, ["sesame", "wrong"]), await mapBag(files, ["wrong", "sesame"])];
    expect(await contentsOf(first)).toEqual({ x: sha256(pattern(70_000)) });
    expect(second.sets[0]?.map.stored).toMatchObject([{ path: "x", size: 70_000 }]);
  });
});

describe("RAR3's key derivation", () => {
  function derive(password: string) {
    const derivation = deriveRar3Key(password, SALT);
    let slices = 0;
    for (;;) {
      const step = derivation.next();
      if (step.done) return { ...step.value, slices };
      slices += 1;
    }
  }

  test("gives way many times", () => {
    expect(derive("short").slices).toBe(128);
  });

  test("of a long password runs in a thread of its own and gives the same", async () => {
    const password = "x".repeat(40);
    const { key, iv } = await new RarKeys([], { workerUrl: WORKER }).rar3(password, SALT, { signal });
    const here = derive(password);
    expect({ key, iv }).toEqual({ key: here.key, iv: here.iv });
  });

  test("of a long password without the built thread is an incomplete install", async () => {
    const keys = new RarKeys([], { workerUrl: new URL("file:///nowhere/at/all.js") });
    await expect(keys.rar3("x".repeat(29), SALT, { signal })).rejects.toMatchObject({ code: "INSTALL_INCOMPLETE" });
  });

  test.each([5, 50])("of %d letters ends at once when its signal does, and begins anew later", async (length) => {
    const keys = new RarKeys([], { workerUrl: WORKER });
    const leaving = new AbortController();
    const derived = keys.rar3("p".repeat(length), SALT, leaving);
    leaving.abort(new Error("left"));
    await expect(derived).rejects.toThrow("left");
    expect((await keys.rar3("p".repeat(length), SALT, { signal })).key).toHaveLength(16);
  });
});
