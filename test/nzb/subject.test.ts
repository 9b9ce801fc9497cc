import { describe, expect, test } from "@jest/globals";
import { parseSubject } from "../../src/nzb/subject.ts";

describe("a subject", () => {
  test.each([
    ['prefix [01/12] - "name.rar" yEnc (1/15) 10485760', "name.rar", 15],
    ['"name.rar" yEnc 41884 (1/1)', "name.rar", 1],
    ['[0027/1290] - "Alotta-Files.0027" yEnc (1/1) 81920', "Alotta-Files.0027", 1],
    ["[1/2] - &quot;a &amp; b.mkv&quot; yEnc (1/9)", "a & b.mkv", 9],
    ['Some.Movie.2024 [7/7] - "Some.Movie.vol0+2.par2" yEnc (1/2) 36320', "Some.Movie.vol0+2.par2", 2],
    ['"" "  " "real.mkv" (1/3)', "real.mkv", 3],
    ['"C:\\posts\\film.mkv" (1/2)', "film.mkv", 2],
    ['"posts/film.mkv" (1/2)', "film.mkv", 2],
    ['"no extension here" yEnc (1/2)', "no extension here", 2],
    ['Größe "Übergröße – 日本.mkv" yEnc (01/10)', "Übergröße – 日本.mkv", 10],
    ["Here's your file!  abc-mr2a.r01 (1/2)", "abc-mr2a.r01", 2],
    [
      "[12345]-[FULL]-[#a.b.teevee]-[ Some.Show ]-[01/10] - some.show.s01e01.mkv yEnc (1/20)",
      "some.show.s01e01.mkv",
      20,
    ],
    ["Show [1080p] (2020).mkv (1/4)", "Show [1080p] (2020).mkv", 4],
    ["Größe.Überall.part01.rar yEnc (1/5)", "Größe.Überall.part01.rar", 5],
    ["film.part01.rar 15,25 MB yEnc (1/5)", "film.part01.rar", 5],
    ["a post of 300 MB - film.mkv (3 of 7)", "film.mkv", 7],
    ["[1/7] film.7z.001 (1/70)", "film.7z.001", 70],
    ["WQDMm92SQnbDguxHUwXugqbku5Z22JSs", "WQDMm92SQnbDguxHUwXugqbku5Z22JSs", undefined],
    ["0123456789abcdef0123456789abcdef yEnc (1/15) 10485760", "0123456789abcdef0123456789abcdef", 15],
    ["[03/17] - 0123456789abcdef yEnc (4/9)", "0123456789abcdef", 9],
    ["prefix [03/17] - 0123456789abcdef yEnc (4/9)", "prefix 0123456789abcdef", 9],
    ["20 30", "20 30", undefined],
    ["12345", "12345", undefined],
    ["", undefined, undefined],
    ["[1/2] yEnc (1/3)", undefined, 3],
    ['""', undefined, undefined],
    ['"x.rar" (1/0)', "x.rar", undefined],
    ['"x.rar" (1/99999999)', "x.rar", undefined],
    ['"x.rar" [1/5]', "x.rar", undefined],
    ['(01/12) "x.rar" yEnc (2/5)', "x.rar", 5],
  ])("%j names %j in %j parts", (subject, name, partsHint) => {
    expect(parseSubject(subject)).toEqual({ name, partsHint });
  });

  test("is decoded once here, so what was escaped three times keeps one layer", () => {
    expect(parseSubject('"a &amp;amp; b.mkv"').name).toBe("a &amp; b.mkv");
  });

  test("made to be slow is not: work grows with its length", () => {
    const pieces = [
      "1",
      "(",
      "[",
      "[a",
      ". ",
      " ",
      "-",
      "a",
      ".aa",
      '"',
      "1 ",
      "[1/",
      "(1/",
      "yEnc",
      "&amp;",
      "1.5",
      "\u0301",
      "kb1",
      "\t-",
    ];
    // Four thousand of these take seconds each when anything in there is quadratic with a large factor, so a hang shows as the test's own timeout.
    for (const piece of pieces) {
      const subject = piece.repeat(65_536 / piece.length);
      for (let round = 0; round < 200; round += 1) parseSubject(subject);
    }
  });
});
