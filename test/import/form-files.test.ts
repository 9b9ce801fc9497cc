import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { errorCode } from "../../src/base/errors.ts";
import { formFiles } from "../../src/import/form-files.ts";

const MAX_BYTES = 100_000;

/** Answers with what came of each file of a form: its name and length, or the code it failed with. */
const server = createServer(async (req, res) => {
  const { signal } = new AbortController();
  const found: unknown[] = [];
  try {
    for await (const { fileName, body, fields } of formFiles(req, { signal, maxBytes: MAX_BYTES })) {
      if (fileName === "skipped") continue;
      if (fileName === "fields") {
        found.push(Object.fromEntries(fields));
        continue;
      }
      let size = 0;
      try {
        for await (const chunk of body) {
          size += chunk.length;
          if (fileName === "left") break;
        }
        found.push([fileName, fileName === "left" ? "left" : size]);
      } catch (error) {
        found.push([fileName, errorCode(error)]);
      }
    }
  } catch (error) {
    found.push(errorCode(error));
  }
  req.resume();
  res.end(JSON.stringify(found));
});
let url = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function send(...files: readonly (readonly [name: string, size: number])[]): Promise<unknown> {
  const form = new FormData();
  form.append("note", "no file");
  for (const [name, size] of files) form.append("f", new Blob(["x".repeat(size)]), name);
  return (await fetch(url, { method: "POST", body: form })).json();
}

describe("the files of a form", () => {
  test("come in order with all their bytes, empty ones too", async () => {
    expect(await send(["a", 70_000], ["b", 0], ["c", 1])).toEqual([
      ["a", 70_000],
      ["b", 0],
      ["c", 1],
    ]);
  });

  test("may be left in the middle or not read at all, without hiding those behind them", async () => {
    expect(await send(["left", 80_000], ["skipped", 10_000], ["c", 1])).toEqual([
      ["left", "left"],
      ["c", 1],
    ]);
  });

  test("end with BODY_TOO_LARGE where the whole form grows too long", async () => {
    expect(await send(["a", 10], ["b", 2 * MAX_BYTES], ["c", 1])).toEqual([
      ["a", 10],
      ["b", "BODY_TOO_LARGE"],
      "BODY_TOO_LARGE",
    ]);
    expect(await send(["skipped", 2 * MAX_BYTES], ["c", 1])).toEqual(["BODY_TOO_LARGE"]);
  });

  test("know the text that came before each, and only that", async () => {
    const form = new FormData();
    form.append("cat", "tv");
    form.append("nzbname", "Größe");
    form.append("name", new Blob(["x"]), "fields");
    form.append("cat", "movies");
    form.append("nzbfile", new Blob(["x"]), "fields");
    form.append("priority", "1");
    expect(await (await fetch(url, { method: "POST", body: form })).json()).toEqual([
      { cat: "tv", nzbname: "Größe" },
      { cat: "movies", nzbname: "Größe" },
    ]);
  });

  test.each<[string, number, number]>([
    ["too many fields", 51, 1],
    ["a field that is too long", 1, 65 * 1024],
  ])("of a form with %s are refused", async (_what, count, length) => {
    const form = new FormData();
    for (let index = 0; index < count; index += 1) form.append(`f${index}`, "x".repeat(length));
    expect(await (await fetch(url, { method: "POST", body: form })).json()).toEqual(["BODY_TOO_LARGE"]);
  });
});

describe("a part of a form", () => {
  async function named(header: string): Promise<unknown> {
    const text = `--B\r\nContent-Disposition: form-data; name="f"${header}\r\n\r\nNZB\r\n--B--\r\n`;
    const headers = { "Content-Type": "multipart/form-data; boundary=B" };
    return (await fetch(url, { method: "POST", body: Buffer.from(text), headers })).json();
  }

  test.each<[string, string, readonly string[]]>([
    ["of an NZB's type without a name is a file", "\r\nContent-Type: application/x-nzb", []],
    ["of another type without a name is text", "\r\nContent-Type: text/plain", ["no file"]],
    ["with a name is a file, whatever its type", '; filename="a.nzb"\r\nContent-Type: text/plain', ["a.nzb"]],
    ["has its name without folders", '; filename="C:\\x\\b/a.nzb"', ["a.nzb"]],
    ["keeps a slash that is the password's", '; filename="x/A {{p/w}}.nzb"', ["A {{p/w}}.nzb"]],
    ["keeps a slash that a password follows", '; filename="A / pw.nzb"', ["A / pw.nzb"]],
    ["may be named as RFC 5987 has it", "; filename*=UTF-8''B%C3%BCcher.nzb", ["Bücher.nzb"]],
    [
      "may be named as .NET does it",
      "; filename=\"=?utf-8?B?QsO8Y2hlci5uemI=?=\"; filename*=utf-8''B%C3%BCcher.nzb",
      ["Bücher.nzb"],
    ],
  ])("%s", async (_what, header, names) => {
    const expected = names.length === 0 ? [[null, 3]] : names[0] === "no file" ? [] : [[names[0], 3]];
    expect(await named(header)).toEqual(expected);
  });
});
