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
