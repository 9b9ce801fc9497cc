import { describe, expect, test } from "@jest/globals";
import { fileKind } from "../../src/import/magic.ts";
import { type FileClues, fileNames, isArchiveName, releaseName } from "../../src/import/names.ts";
import { isObfuscated } from "../../src/import/obfuscated.ts";
import { baseName, safeName } from "../../src/import/safe-name.ts";

const SAFE: readonly (readonly [what: string, name: string, safe: string])[] = [
  ["a plain name", "Film (2024).mkv", "Film (2024).mkv"],
  ["a parent folder", "..", "x"],
  ["a path upwards", "../../etc/passwd", ".._.._etc_passwd"],
  ["an absolute path", "/etc/passwd", "_etc_passwd"],
  ["a drive letter", "C:\\Windows\\a.mkv", "C__Windows_a.mkv"],
  ["each forbidden sign", 'a\\b/c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"],
  ["controls and NUL", "a\u0000b\u001fc\u007fd\u0085e\r\n.mkv", "abcde.mkv"],
  ["a name that turns the writing direction", "film\u202egpj.exe", "filmgpj.exe"],
  ["invisible characters", "\ufefffi\u200blm\u00ad.mkv", "film.mkv"],
  ["half of a surrogate pair", "fi\ud83dlm.mkv", "film.mkv"],
  ["a device", "CON", "_CON"],
  ["a device with an extension", "nul.txt", "_nul.txt"],
  ["a device with two extensions", "Com1.tar.gz", "_Com1.tar.gz"],
  ["a device with a superscript digit", "LPT².mkv", "_LPT².mkv"],
  ["a device with blanks behind it", "aux .mkv", "_aux .mkv"],
  ["what only begins like a device", "console.mkv", "console.mkv"],
  ["dots and blanks at the end", "film. . ..", "film"],
  ["blanks at the start", " \t film.mkv ", "film.mkv"],
  ["nothing", "", "x"],
  ["nothing but dots and blanks", " . .. ", "x"],
  ["nothing but what is replaced", "???", "x"],
  ["a decomposed letter", "Ame\u0301lie.mkv", "Amélie.mkv"],
  ["other scripts", "七人の侍.mkv", "七人の侍.mkv"],
];

describe("a safe name", () => {
  test.each(SAFE)("is made of %s", (_what, name, safe) => {
    expect(safeName(name, "x")).toBe(safe);
  });

  test("has at most 240 bytes, whole code points, and its extension", () => {
    for (const letter of ["a", "é", "侍", "🎬"]) {
      const name = safeName(`${letter.repeat(300)}.mkv`, "x");
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(240);
      expect(Buffer.byteLength(name)).toBeGreaterThan(232);
      expect(name).toMatch(new RegExp(`^(${letter})+\\.mkv$`, "u"));
    }
  });

  test("does not end with a dot or blank where it was cut", () => {
    expect(safeName(`${"a".repeat(237)} . ${"b".repeat(50)}`, "x")).toBe("a".repeat(237));
  });

  test("stays as it is when it is made safe again", () => {
    for (const [, name] of SAFE) expect(safeName(safeName(name, "x"), "y")).toBe(safeName(name, "x"));
  });

  test("is taken from the last segment of a path of either system", () => {
    expect(baseName("a/b\\c.mkv")).toBe("c.mkv");
    expect(baseName("folder/")).toBe("folder");
    expect(baseName("///")).toBe("");
  });
});

describe("a name is obfuscated", () => {
  test.each([
    "b082fa0beaa644d3aa01045d5b8d0b36",
    "0675e29e9abfd2.f7d069dab0b853283cc1b069a25f82.6547",
    "8e2c2a9c-9d6b-4f0e-9f0c-2f6d3c1b7a55",
    "abc.xyz.a4c567edbcbf27.BLA",
    "aXb39KfjeQ2lmM8s0pZ1",
    "xkqzvbnmwrtpsdfghjkl",
    "___...",
    "",
  ])("when it is %j", (name) => {
    expect(isObfuscated(name)).toBe(true);
  });

  test.each([
    "Great.Movie.2024.1080p.BluRay.x264-GRP",
    "Some Show S01E02",
    "BigBuckBunny1080pSurroundFullHD",
    "sintel",
    "Der Untergang",
    "七人の侍",
    "1917",
    "catch22",
    "Supercalifragilisticexpialidocious",
    "2001.A.Space.Odyssey",
  ])("but not when it is %j", (name) => {
    expect(isObfuscated(name)).toBe(false);
  });
});

const HASH = "b082fa0beaa644d3aa01045d5b8d0b36";
const mkv = fileKind(Buffer.from("1a45dfa3", "hex"));
const rar = fileKind(Buffer.from("Rar!\x1a\x07\x00", "latin1"));
const clue = (subjectName?: string, kind?: FileClues["kind"], yencName?: string): FileClues => ({
  subjectName,
  yencName,
  kind,
});
const nameOf = (...clues: Parameters<typeof clue>) => fileNames([clue(...clues)], "Release")[0];

describe("a file's name", () => {
  test("is the subject's", () => expect(nameOf("film.mkv", mkv, "other.mkv")).toBe("film.mkv"));
  test("is the yEnc header's when the subject names none", () =>
    expect(nameOf(undefined, mkv, "film.mkv")).toBe("film.mkv"));
  test("is the yEnc header's when the subject's is obfuscated", () =>
    expect(nameOf(`${HASH}.mkv`, mkv, "film.mkv")).toBe("film.mkv"));
  test("is the release's when both are obfuscated", () => expect(nameOf(`${HASH}.mkv`, mkv, HASH)).toBe("Release.mkv"));
  test("gets the content's extension when it has none", () => expect(nameOf("film", mkv)).toBe("film.mkv"));
  test("gets it when the last word only looks like one", () => {
    expect(nameOf("Film.2024.1080p.x264", mkv)).toBe("Film.2024.1080p.x264.mkv");
    expect(nameOf("Film.2024", mkv)).toBe("Film.2024.mkv");
  });
  test("gets the content's extension instead of a lie", () => {
    expect(nameOf("film.txt", mkv)).toBe("film.mkv");
    expect(nameOf("film.mkv", rar)).toBe("film.rar");
  });
  test("keeps a rightful extension that is not the usual one", () => {
    expect(nameOf("film.webm", mkv)).toBe("film.webm");
    expect(nameOf("comic.cbr", rar)).toBe("comic.cbr");
  });
  test("keeps the number of a volume", () => {
    expect(nameOf("film.r07", rar)).toBe("film.r07");
    expect(nameOf("film.mkv.001", mkv)).toBe("film.mkv.001");
    expect(nameOf(`${HASH}.part03.rar`, rar)).toBe("Release.part03.rar");
    expect(nameOf(`${HASH}.17`, rar)).toBe("Release.17");
  });
  test("is made safe", () => expect(nameOf("..\\..\\what?.mkv", mkv)).toBe("what_.mkv"));

  test("is numbered when several files would have the release's, one count per extension", () => {
    const hash = (digit: string) => HASH.replace(/./g, digit);
    const clues = [clue(hash("1"), mkv), clue("extra.mkv", mkv), clue(hash("2"), mkv), clue(`${hash("3")}.nfo`)];
    expect(fileNames(clues, "Release")).toEqual(["Release - 1.mkv", "extra.mkv", "Release - 2.mkv", "Release.nfo"]);
  });
});

describe("a release's name", () => {
  const names = { requested: undefined, title: undefined, nzbName: undefined, files: [] };

  test("is the request's, then the title, then the NZB's, then what the files share", () => {
    const all = { requested: "Asked", title: "Title", nzbName: "Nzb", files: ["Show.S01E01.mkv", "Show.S01E02.mkv"] };
    expect(releaseName(all)).toBe("Asked");
    expect(releaseName({ ...all, requested: undefined })).toBe("Title");
    expect(releaseName({ ...all, requested: " ", title: undefined })).toBe("Nzb");
    expect(releaseName({ ...names, files: all.files })).toBe("Show");
  });

  test("is not a hash when something else says more", () => {
    expect(releaseName({ ...names, title: HASH, nzbName: "Film.2024" })).toBe("Film.2024");
    expect(releaseName({ ...names, title: HASH })).toBe(HASH);
  });

  test("is the file's own without extension when there is one file, or its companions only add to it", () => {
    expect(releaseName({ ...names, files: ["Film.2024.mkv"] })).toBe("Film.2024");
    expect(releaseName({ ...names, files: ["Film.2024.mkv", "Film.2024-sample.mkv", "Film.2024.nfo"] })).toBe(
      "Film.2024",
    );
    expect(releaseName({ ...names, files: ["Film.part01.rar", "Film.part02.rar", "Film.vol00+01.par2"] })).toBe("Film");
  });

  test("is never empty and never unsafe", () => {
    expect(releaseName(names)).toBe("Unnamed release");
    expect(releaseName({ ...names, files: ["a.mkv", "b.mkv"] })).toBe("Unnamed release");
    expect(releaseName({ ...names, requested: "../AC/DC: Live?" })).toBe(".._AC_DC_ Live_");
  });
});

test.each(["a.rar", "a.r00", "a.s12", "a.part001.rar", "a.7z", "a.7z.003", "a.zip", "a.z01", "a.zip.002", "a.mkv.001"])(
  "%s is taken for an archive",
  (name) => expect(isArchiveName(name)).toBe(true),
);
test.each(["a.mkv", "a.2024", "rar", "a.mp3", "a.rare"])("%s is not taken for an archive", (name) =>
  expect(isArchiveName(name)).toBe(false),
);
