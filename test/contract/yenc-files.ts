import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { dotStuff } from "../../src/yenc/encoder.ts";
import type { YencKernel } from "../../src/yenc/kernel.ts";
import { decodeArticle } from "./yenc-feed.ts";

/** Articles that other programs wrote, see test/fixtures/yenc/README.md; with every kernel. */
export function describeYencFiles(kernel: YencKernel): void {
  describe(`real articles with the ${kernel.name} kernel`, () => {
    const joystick = fixture("keimpema-usenet/joystick.jpg");
    const secondHalf = joystick.subarray(11_250);
    const secondInfo = { size: 8_088, begin: 11_250, partNumber: 2, fileSize: 19_338, name: "joystick.jpg" };
    const text = fixture("keimpema-usenet/testfile.txt");
    const textInfo = { size: 584, begin: 0, partNumber: undefined, fileSize: 584, name: "testfile.txt" };
    const escapes = fixture("keimpema-usenet/test (1.2).dat");

    test.each([
      ["00000020", joystick.subarray(0, 11_250), { size: 11_250, begin: 0, partNumber: 1, isChecked: true }],
      ["00000021", secondHalf, { ...secondInfo, isChecked: true }],
      ["00000021 (missing checksum)", secondHalf, { ...secondInfo, isChecked: false }],
      ["00000021 (part mismatch)", secondHalf, { ...secondInfo, partNumber: 3, isChecked: true }],
      ["00000005", text, { ...textInfo, isChecked: true }],
      ["00000005 (missing checksum)", text, { ...textInfo, isChecked: false }],
      ["test (1.2) multipart", escapes, { size: 67, begin: 0, partNumber: 1, totalParts: 2, fileSize: 120 }],
      ["test (1.2) singlepart", escapes, { size: 67, begin: 0, name: "test (1.2).txt", isChecked: true }],
    ])("%s decodes to the file", (name, bytes, info) => {
      const outcome = decodeArticle(kernel, articleOf(name));
      expect(outcome).toMatchObject({ refusal: undefined, info });
      expect(outcome.bytes.equals(bytes)).toBe(true);
    });

    test.each([
      ["00000021 (checksum mismatch)", "the part has the checksum aca76043, and =yend says aca76042"],
      ["00000021 (size mismatch)", "the part has 8088 bytes, and =yend says 8089"],
      ["00000005 (checksum mismatch)", "the part has the checksum ded29f4f, and =yend says ded29f4e"],
      ["00000005 (size mismatch)", "the part has 584 bytes, and =yend says 585"],
    ])("%s is refused", (name, why) => {
      expect(decodeArticle(kernel, articleOf(name)).refusal).toBe(`YENC_MALFORMED: ${why}`);
    });

    test.each([
      ["an archive", ["001", "002", "003"], "c76193573677b7805443cdb155ed2179da146428ae7d66fc353c0549a88870cf"],
      ["a recovery file", ["015"], "6941558b8d1697da9f1a3083d87f8b3f14f7eca4d856b9291e67dc11832624d6"],
    ])("what Nyuu sent for %s joins to the file", (_, names, sha256) => {
      const parts = names.map((name) => decodeArticle(kernel, fixture(`nyuu/${name}.post`)));
      const begins = parts.map(({ info }) => info?.begin);
      expect(begins).toEqual(names.map((__, index) => index * 30_720));
      expect(parts.map(({ info }) => info?.isChecked)).toEqual(names.map(() => true));
      const file = Buffer.concat(parts.map(({ bytes }) => bytes));
      expect(createHash("sha256").update(file).digest("hex")).toBe(sha256);
    });
  });
}

function fixture(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/yenc/${name}`, import.meta.url));
}

/** The stored article as a server would send it. */
function articleOf(name: string): Buffer {
  const stored = fixture(`keimpema-usenet/${name}.ntx`).toString("latin1");
  return dotStuff(Buffer.from(stored.replaceAll(/\r?\n/g, "\r\n"), "latin1"));
}
