import { once } from "node:events";
import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { patternContent } from "../../src/newsserver/content.ts";
import { type NewsServer, startNewsServer } from "../../src/newsserver/news-server.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { seededRandom } from "../random.ts";
import { RawClient } from "../webdav/raw-client.ts";
import {
  eventually,
  type JobAnswer,
  PASSWORD,
  type Product,
  peakMemory,
  postNzb,
  serve,
  serveVariables,
  tempDir,
} from "./product.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const MAX_NZB_BYTES = 48 * MIB;
const AUTHORIZATION = `Authorization: Basic ${Buffer.from(`tester:${PASSWORD}`).toString("base64")}\r\n`;

let dir: Awaited<ReturnType<typeof tempDir>>;
let news: NewsServer;
let product: Product;
beforeAll(async () => {
  dir = await tempDir();
  news = await startNewsServer();
  product = await serve(serveVariables(dir.path, news, { NEWSREEL_IMPORTS_MAX_NZB_BYTES: `${MAX_NZB_BYTES}` }));
});
afterAll(async () => {
  await product[Symbol.asyncDispose]();
  await news.close();
  await dir[Symbol.asyncDispose]();
});

function put(headers: string): string {
  return `PUT /dav/nzbs/movies/x.nzb HTTP/1.1\r\nHost: h\r\n${AUTHORIZATION}${headers}\r\n`;
}

/** Sends chunk after chunk until the other side has had enough; says how many bytes it took before that. */
async function pour(socket: Socket, chunk: Buffer, most: number): Promise<number> {
  const closing = new AbortController();
  socket.once("close", () => closing.abort());
  let sent = 0;
  while (sent < most && socket.writable) {
    sent += chunk.length;
    if (!socket.write(chunk)) await once(socket, "drain", { signal: closing.signal }).catch(() => {});
  }
  return sent;
}

describe("a gigabyte put as an NZB", () => {
  test("is refused before its body when its length is told", async () => {
    await using client = await RawClient.open(product.port);
    client.send(put(`Content-Length: ${GIB}\r\nExpect: 100-continue\r\n`));
    expect((await client.response("PUT")).status).toBe(413);
  });

  test("is refused once it passes the limit when its length is not told, in bounded memory", async () => {
    const before = await peakMemory(product.pid);
    await using client = await RawClient.open(product.port);
    client.send(put("Transfer-Encoding: chunked\r\n"));
    const chunk = Buffer.concat([
      Buffer.from(`${MIB.toString(16)}\r\n`),
      Buffer.alloc(MIB, "<file "),
      Buffer.from("\r\n"),
    ]);
    const answered = client.response("PUT");
    const sent = await pour(client.socket, chunk, GIB);
    expect((await answered).status).toBe(413);
    // The limit, what is read after the refusal so that it is seen, and what the two kernels hold.
    expect(sent).toBeLessThan(MAX_NZB_BYTES + 48 * MIB);
    expect((await peakMemory(product.pid)) - before).toBeLessThan(96 * MIB);
  });
});

const MARKS = [
  "<",
  ">",
  "&",
  '"',
  "]]>",
  "<![CDATA[",
  "<!--",
  "</nzb>",
  "<nzb>",
  "\0",
  "\xff",
  "&#x10FFFF;",
  "<segment ",
];

/** A good document, spoilt by random cuts, copies, marks and bytes, and sometimes packed and cut. */
function hostileNzb(good: Buffer, random: () => number): Buffer {
  let bytes = good;
  for (let changes = Math.ceil(random() * 5); changes > 0; changes -= 1) {
    const [from, to] = [random(), random()].sort().map((share) => Math.floor(share * bytes.length)) as [number, number];
    const mark = Buffer.from(MARKS[Math.floor(random() * MARKS.length)] as string, "latin1");
    const spoilt: readonly (() => Buffer)[] = [
      () => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]),
      () => Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]),
      () => Buffer.concat([bytes.subarray(0, from), mark, bytes.subarray(from)]),
      () => Buffer.concat([bytes.subarray(0, from), Buffer.from([random() * 256]), bytes.subarray(from + 1)]),
    ];
    bytes = (spoilt[Math.floor(random() * spoilt.length)] as () => Buffer)();
  }
  if (random() < 0.8) return bytes;
  const packed = gzipSync(bytes);
  return packed.subarray(0, Math.ceil(random() * 2 * packed.length));
}

test("a hundred hostile NZBs are each imported or refused with code, message and hint", async () => {
  const files = [1, 2, 3].map((n) =>
    news.store.addFile({ name: `film.part${n}.bin`, content: patternContent(n, 90_000), partSize: 10_000 }),
  );
  const good = Buffer.from(toNzb(files, { title: "Film", password: "pw" }));
  const seen = new Map<number, number>();
  for (let seed = 1; seed <= 100; seed += 1) {
    const { status, body } = await postNzb(product, hostileNzb(good, seededRandom(seed)), "category=hostile");
    seen.set(status, (seen.get(status) ?? 0) + 1);
    const answer = JSON.parse(body.toString());
    if (status < 300) expect(answer).toMatchObject({ id: expect.any(String), state: expect.any(String) });
    else {
      expect(answer).toEqual({
        error: { code: expect.stringMatching(/^NZB_/), message: expect.any(String), hint: expect.any(String) },
      });
    }
  }
  expect([...seen.keys()].every((status) => [200, 202, 400, 413].includes(status))).toBe(true);
  // Some of them again and again the same post, to those that look at the articles alone.
  expect((seen.get(200) ?? 0) + (seen.get(202) ?? 0)).toBeGreaterThan(5);
  expect(seen.get(400)).toBeGreaterThan(5);
  await eventually("what was taken comes to an end", async () => {
    const { imports } = await product.json<{ imports: JobAnswer[] }>("/api/v1/imports?limit=200");
    return imports.every(({ state }) => state === "completed" || state === "failed") ? true : undefined;
  });
  expect(product.output()).not.toMatch(/"level":"error"/);
}, 60_000);

const GET = "GET /healthz HTTP/1.1\r\nHost: h\r\n";
const POST = `POST /api/v1/imports HTTP/1.1\r\nHost: h\r\n${AUTHORIZATION}`;
const noise = (bytes: number) => {
  const random = seededRandom(bytes);
  return Buffer.from(Uint8Array.from({ length: bytes }, () => random() * 256));
};

const HORRORS: readonly (readonly [string, string | Buffer])[] = [
  ["nothing", ""],
  ["empty lines", "\r\n".repeat(5000)],
  ["a line without an end", "G".repeat(100_000)],
  ["noise", noise(100_000)],
  ["a little noise", noise(17)],
  ["NULs", "\0".repeat(10_000)],
  ["a TLS greeting", Buffer.from("16030100a5010000a10303", "hex")],
  ["an SSH greeting", "SSH-2.0-OpenSSH_9.6\r\n"],
  ["a news client", "CAPABILITIES\r\nMODE READER\r\n"],
  ["HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["half a request line", "GET /dav/"],
  ["half a header", `${GET}X-Hal`],
  ["half a body", `${POST}Content-Length: 1000\r\n\r\n<nzb>`],
  ["half a chunk", `${POST}Transfer-Encoding: chunked\r\n\r\nff\r\n<nzb>`],
  ["no host", "GET /healthz HTTP/1.1\r\n\r\n"],
  ["two hosts", `${GET}Host: i\r\n\r\n`],
  ["HTTP/0.9", "GET /healthz\r\n\r\n"],
  ["HTTP/9.9", "GET /healthz HTTP/9.9\r\nHost: h\r\n\r\n"],
  ["an unknown method", "FROB /dav/ HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["an upgrade", `${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`],
  ["an absolute URL", "GET http://elsewhere/healthz HTTP/1.1\r\nHost: elsewhere\r\n\r\n"],
  ["a URL of broken escapes", `GET /dav/%zz%00%ff%c0%af HTTP/1.1\r\nHost: h\r\n${AUTHORIZATION}\r\n`],
  ["a URL that climbs", `GET /dav/../../../etc/passwd HTTP/1.1\r\nHost: h\r\n${AUTHORIZATION}\r\n`],
  [
    "a URL that climbs in disguise",
    `GET /dav/library/%2e%2e/%2e%2e/%2e%2e HTTP/1.1\r\nHost: h\r\n${AUTHORIZATION}\r\n`,
  ],
  ["a huge URL", `GET /dav/${"a/".repeat(9000)} HTTP/1.1\r\nHost: h\r\n${AUTHORIZATION}\r\n`],
  ["a huge header", `${GET}X-Huge: ${"x".repeat(1_000_000)}\r\n\r\n`],
  ["many headers", `${GET}${"X-Many: y\r\n".repeat(50_000)}\r\n`],
  ["a folded header", `${GET}X-Folded: a\r\n b\r\n\r\n`],
  ["a header with a bare CR", `${GET}X-Cr: a\rb\r\n\r\n`],
  ["a header with a NUL", `${GET}X-Nul: a\0b\r\n\r\n`],
  ["a blank before the colon", `${GET}X-Blank : a\r\n\r\n`],
  ["a login of noise", `GET /dav/ HTTP/1.1\r\nHost: h\r\nAuthorization: Basic ${"/+".repeat(4000)}\r\n\r\n`],
  ["length and chunks", `${POST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GET}\r\n`],
  ["chunks and length", `${POST}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n${GET}\r\n`],
  ["two lengths", `${POST}Content-Length: 5\r\nContent-Length: 50\r\n\r\n<nzb>${GET}\r\n`],
  ["a negative length", `${POST}Content-Length: -1\r\n\r\n`],
  ["a length of hex", `${POST}Content-Length: 0x5\r\n\r\n<nzb>`],
  ["a length beyond numbers", `${POST}Content-Length: 99999999999999999999999\r\n\r\n`],
  ["an unknown coding", `${POST}Transfer-Encoding: frobbed\r\n\r\n<nzb>`],
  ["chunked in disguise", `${POST}Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`],
  ["a chunk beyond numbers", `${POST}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n<nzb>`],
  ["a chunk of nonsense", `${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n<nzb>\r\n`],
  ["endless chunk extensions", `${POST}Transfer-Encoding: chunked\r\n\r\n1;${"e=f;".repeat(50_000)}\r\nx\r\n`],
  [
    "a broken form",
    `${POST}Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 30\r\n\r\n--b\r\nnonsense nonsense nonsens`,
  ],
  ["requests ahead, then rubbish", `${GET}\r\n${GET}\r\n${GET}\r\n\x01\x02rubbish`],
  ["a thousand requests ahead", `GET /dav/ HTTP/1.1\r\nHost: h\r\n${AUTHORIZATION}\r\n`.repeat(1000)],
  [
    "a PROPFIND of noise",
    Buffer.concat([
      Buffer.from(`PROPFIND /dav/ HTTP/1.1\r\nHost: h\r\n${AUTHORIZATION}Content-Length: 500\r\n\r\n`),
      noise(500),
    ]),
  ],
];

describe("a connection that talks rubbish does no harm", () => {
  test.each(HORRORS)("%s", async (_, bytes) => {
    await using client = await RawClient.open(product.port);
    client.send(bytes);
    // While it is still open, and then after it has gone.
    expect(await product.json("/healthz")).toEqual({ status: "ok" });
    client.socket.destroy();
    expect((await product.request("/dav/", { method: "PROPFIND", headers: { Depth: "1" } })).status).toBe(207);
  });

  test("and none of it is answered as if it were a defect of the server", async () => {
    expect((await product.request("/metrics")).status).toBe(200);
    expect(product.output()).not.toMatch(/"level":"error"/);
    product.kill("SIGTERM");
    expect(await product.ended).toEqual({ code: 0, signal: null });
  });
});
