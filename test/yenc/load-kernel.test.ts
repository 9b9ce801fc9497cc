import { describe, expect, test } from "@jest/globals";
import { loadKernel } from "../../src/yenc/load-kernel.ts";
import { openNativeKernel } from "../../src/yenc/native-kernel.ts";
import { createScriptKernel } from "../../src/yenc/script-kernel.ts";

/** An add-on that works, made of the script kernel, with some of its functions replaced. */
function addOn(changes: object = {}): object {
  const script = createScriptKernel("");
  const ends = ["none", "control", "terminator"];
  return {
    decodeIncr(source: Buffer, state: number, target: Buffer) {
      const cursor = { source, read: 0, readEnd: source.length, target, written: 0, state };
      const ended = ends.indexOf(script.decode(cursor));
      return { read: cursor.read, written: cursor.written, ended, state: cursor.state };
    },
    crc32(bytes: Buffer) {
      const crc = Buffer.alloc(4);
      crc.writeUInt32BE(script.crc32(bytes));
      return crc;
    },
    ...changes,
  };
}

describe("loadKernel", () => {
  test("uses the native kernel when the add-on decodes rightly", () => {
    expect(loadKernel(() => openNativeKernel(() => addOn()))).toMatchObject({ name: "native", reason: undefined });
  });

  test("falls back to script when the add-on was not built, and says why in one line", () => {
    const kernel = loadKernel(() =>
      openNativeKernel(() => {
        throw new Error("Cannot find module 'yencode/build/Release/yencode.node'\nRequire stack:\n- x");
      }),
    );
    expect(kernel).toMatchObject({
      name: "script",
      reason: "the native add-on cannot be used: Cannot find module 'yencode/build/Release/yencode.node'",
    });
  });

  test.each([
    [
      "finds no control line",
      { decodeIncr: (source: Buffer) => ({ read: source.length, written: 0, ended: 0, state: 3 }) },
    ],
    ["computes another checksum", { crc32: () => Buffer.alloc(4) }],
  ])("falls back to script when the add-on %s", (_, changes) => {
    const kernel = loadKernel(() => openNativeKernel(() => addOn(changes)));
    expect(kernel).toMatchObject({
      name: "script",
      reason: "the native add-on cannot be used: the yencode add-on decodes wrongly",
    });
  });

  test("falls back to script when the add-on lacks a function", () => {
    const kernel = loadKernel(() => openNativeKernel(() => addOn({ decodeIncr: undefined })));
    expect(kernel).toMatchObject({ name: "script", reason: expect.stringContaining("decodeIncr") });
  });
});
