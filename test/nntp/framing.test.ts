import { describe, expect, test } from "@jest/globals";
import { DiscardSink, LineReader } from "../../src/nntp/framing.ts";
import { seededRandom } from "../random.ts";

/** Feeds `text` in the given pieces and returns the lines found and what was left over. */
function lines(pieces: readonly string[]): string[] {
  const reader = new LineReader();
  const found: string[] = [];
  for (const piece of pieces) {
    const chunk = Buffer.from(piece, "latin1");
    for (let at = 0; at < chunk.length; ) {
      const line = reader.read(chunk, at, chunk.length);
      if (line === undefined) break;
      found.push(line.line);
      at = line.next;
    }
  }
  return found;
}

function cuts(text: string): string[][] {
  return Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]);
}

describe("LineReader", () => {
  test("gives the same lines wherever the bytes are cut", () => {
    const text = "200 hello\r\n381 more\n\r\n223 0 <a@b>\r\n";
    for (const pieces of cuts(text)) expect(lines(pieces)).toEqual(["200 hello", "381 more", "", "223 0 <a@b>"]);
    expect(lines([...text])).toEqual(["200 hello", "381 more", "", "223 0 <a@b>"]);
  });

  test("gives up on a line without an end", () => {
    const reader = new LineReader();
    const chunk = Buffer.alloc(1000, "x");
    for (let n = 0; n < 3; n += 1) reader.read(chunk, 0, chunk.length);
    expect(reader.isTooLong).toBe(true);
  });

  test("keeps no reference to the receive buffer", () => {
    const reader = new LineReader();
    const chunk = Buffer.from("200 ok");
    reader.read(chunk, 0, chunk.length);
    chunk.fill("x");
    expect(reader.read(Buffer.from("\r\n"), 0, 2)?.line).toBe("200 ok");
  });
});

describe("DiscardSink", () => {
  const blocks = [
    ".\r\n",
    "\r\n.\r\n",
    "data\r\n.\r\n",
    "..stuffed\r\n...\r\n.x\r\n.\r\n",
    "\r\r\n.\r\n",
    "a\r\n.\rb\r\n.\r\n",
    "end\r\n.\n.\r\n\r\n.\r\n",
  ];

  test.each(blocks)("finds the end of %j wherever it is cut, and takes nothing beyond it", (block) => {
    const next = "222 next";
    for (const [head, tail] of cuts(block + next)) {
      const sink = new DiscardSink();
      const first = Buffer.from(head ?? "", "latin1");
      let taken = sink.write(first, 0, first.length);
      if (!sink.isEnded) {
        expect(taken).toBe(first.length);
        const second = Buffer.from(tail ?? "", "latin1");
        taken += sink.write(second, 0, second.length);
      }
      expect({ taken, isEnded: sink.isEnded }).toEqual({ taken: block.length, isEnded: true });
    }
  });

  test("agrees with a search for the terminator in random bytes", () => {
    const random = seededRandom(3);
    const alphabet = "\r\n.ab";
    for (let round = 0; round < 2000; round += 1) {
      const length = Math.floor(random() * 40);
      const text = Array.from({ length }, () => alphabet[Math.floor(random() * 5)]).join("");
      const oracle = `\r\n${text}`.indexOf("\r\n.\r\n");
      const sink = new DiscardSink();
      let taken = 0;
      for (const char of text) {
        if (sink.isEnded) break;
        taken += sink.write(Buffer.from(char, "latin1"), 0, 1);
      }
      expect(sink.isEnded).toBe(oracle >= 0);
      if (oracle >= 0) expect(taken).toBe(oracle + 3);
    }
  });
});
