import { describe, expect, test } from "@jest/globals";
import { parseReleaseName } from "../../src/nzb/release-name.ts";

describe("a release's name", () => {
  test.each([
    ["Some.Movie.2024.nzb", "Some.Movie.2024", undefined],
    ["Some.Movie.2024.NZB.GZ", "Some.Movie.2024", undefined],
    ["Some.Movie.2024.nzb.bz2", "Some.Movie.2024", undefined],
    ["Some.Movie.2024", "Some.Movie.2024", undefined],
    ["name{{password}}.nzb", "name", "password"],
    ["name{{password}}.nzb.gz", "name", "password"],
    ["name{{password}}", "name", "password"],
    ["my name {{a.b {c}}}.nzb", "my name", "a.b {c}"],
    ["name{{p/w}}.nzb", "name", "p/w"],
    ["name{{pä ss}}.nzb", "name", "pä ss"],
    ["name{{}}.nzb", "name", undefined],
    ["name password=pw.nzb", "name", "pw"],
    ["name.nzb password=p w", "name", "p w"],
    ["name password=a/b", "name", "a/b"],
    ["name/pw.nzb", "name", "pw"],
    ["name/pw", "name", "pw"],
    ["name / pw.nzb", "name", "pw"],
    ["name/p{{w}}", "name", "p{{w}}"],
    ["name.nzb/pw", "name", "pw"],
    ["name/a/b", "name", "a/b"],
    ["https://example.com/get/1", "https://example.com/get/1", undefined],
    ["{{password}}.nzb", "{{password}}", undefined],
    ["/pw.nzb", "/pw", undefined],
    ["name{{open.nzb", "name{{open", undefined],
    ["name}}{{.nzb", "name}}{{", undefined],
    [" padded .nzb", "padded", undefined],
    [".nzb", "", undefined],
    ["", "", undefined],
  ])("%j is %j with password %j", (text, name, password) => {
    expect(parseReleaseName(text)).toEqual({ name, passwords: password === undefined ? [] : [password] });
  });
});
