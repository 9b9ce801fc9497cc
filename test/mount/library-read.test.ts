import { describe, expect, test } from "@jest/globals";
import { LibraryRead } from "../../src/mount/library-read.ts";
import type { StreamRequest } from "../../src/mount/stream.ts";

/** A read of three chunks that writes down what it tells. */
function createRead({ failAt, readClass = "play" }: { failAt?: number; readClass?: StreamRequest["readClass"] } = {}) {
  const told: string[] = [];
  const leaving = new AbortController();
  let isOffered = false;
  const request: StreamRequest = {
    stream: {},
    readClass,
    observer: { waited: () => {} },
    offered: (bytes) => {
      isOffered = true;
      told.push(`offered ${bytes}`);
    },
    taken: () => {
      if (!isOffered) return false;
      isOffered = false;
      return told.push("taken") > 0;
    },
    failed: () => told.push("failed"),
    end: () => told.push("end"),
  };
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let n = 1; n <= 3; n += 1) {
        if (n === failAt) throw new Error("gone");
        yield new Uint8Array(n);
      }
    } finally {
      told.push("closed");
    }
  }
  const begin = () => {
    told.push("begin");
    const openTicket = () => {
      told.push("ticket");
      return { touch: () => told.push("touch"), [Symbol.dispose]: () => told.push("ticket back") };
    };
    return { request, open: chunks, openTicket };
  };
  return { read: new LibraryRead(begin, { signal: leaving.signal }), told, leaving };
}

describe("a read of the library", () => {
  test("tells what is offered and taken, chunk by chunk, and holds a ticket from the first to the last", async () => {
    const { read, told } = createRead();
    let bytes = 0;
    for await (const chunk of read) bytes += chunk.length;
    expect(bytes).toBe(6);
    expect(told.join(", ")).toBe(
      "begin, ticket, offered 1, taken, touch, offered 2, taken, touch, offered 3, taken, touch, closed, ticket back, end",
    );
    expect(await read.next()).toEqual({ done: true, value: undefined });
  });

  test("begins with the first chunk that is asked for, and not after it was left", async () => {
    const { read, told } = createRead();
    await read.return();
    expect(await read.next()).toEqual({ done: true, value: undefined });
    expect(told).toEqual([]);
  });

  test("counts the last chunk as taken when it is left in peace", async () => {
    const { read, told } = createRead();
    await read.next();
    await read.return();
    expect(told.slice(-5)).toEqual(["closed", "taken", "touch", "ticket back", "end"]);
  });

  test("counts nothing as taken when the client has gone", async () => {
    const { read, told, leaving } = createRead();
    await read.next();
    leaving.abort();
    await read.return();
    expect(told.slice(-4)).toEqual(["offered 1", "closed", "ticket back", "end"]);
  });

  test("that fails says so, and gives everything back", async () => {
    const { read, told } = createRead({ failAt: 2 });
    await read.next();
    await expect(read.next()).rejects.toThrow("gone");
    expect(told.slice(-4)).toEqual(["closed", "failed", "ticket back", "end"]);
  });

  test("holds no ticket while it is a scan", async () => {
    const { read, told } = createRead({ readClass: "scan" });
    for await (const _ of read);
    expect(told).not.toContain("ticket");
  });
});
