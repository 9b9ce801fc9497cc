import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { VERSION } from "../../src/base/version.ts";
import { type DownloadOptions, openDownload } from "../../src/import/url-download.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { type Answer, WebServer } from "./web-server.ts";
import { rejection, settle } from "./workshop.ts";

const TEXT = Buffer.from("an NZB, more or less. ".repeat(1000));

let web: WebServer;
let clock: ManualClock;
beforeEach(async () => {
  web = await WebServer.open();
  clock = new ManualClock();
});
afterEach(async () => {
  await web[Symbol.asyncDispose]();
  expect(clock.timers).toBe(0);
});

const options = (change: Partial<DownloadOptions> = {}): DownloadOptions => ({
  isAllowed: () => true,
  maxBytes: 100_000,
  clock,
  signal: new AbortController().signal,
  ...change,
});

async function fetchAll(url: string, change: Partial<DownloadOptions> = {}): Promise<Buffer> {
  using download = await openDownload(url, options(change));
  const chunks: Uint8Array[] = [];
  for await (const chunk of download.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const redirect =
  (to: string, status = 302): Answer =>
  (_req, res) =>
    res.writeHead(status, { Location: to }).end("moved");
const login = (index: number) => web.requests[index]?.headers.authorization;

describe("an answer", () => {
  test("comes whole, to a program that says its name", async () => {
    expect((await fetchAll(web.at("/a", TEXT))).equals(TEXT)).toBe(true);
    expect(web.requests[0]?.headers["user-agent"]).toBe(`Newsreel/${VERSION}`);
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["deflate", deflateSync],
    ["deflate", deflateRawSync],
    ["identity", (bytes) => bytes],
  ])("encoded as %s is decoded", async (encoding, encode) => {
    const url = web.at("/a", encode(TEXT), { "Content-Encoding": encoding });
    expect((await fetchAll(url)).equals(TEXT)).toBe(true);
  });

  test.each<[string, string, Buffer, string]>([
    ["in an unknown way", "br", TEXT, "URL_REFUSED"],
    ["with damage", "gzip", gzipSync(TEXT).subarray(0, 60), "URL_UNREACHABLE"],
    ["with rubbish", "gzip", TEXT, "URL_UNREACHABLE"],
  ])("encoded %s is an error", async (_what, encoding, body, code) => {
    expect(await rejection(fetchAll(web.at("/a", body, { "Content-Encoding": encoding })))).toMatchObject({ code });
  });

  test("that grows too long is left", async () => {
    let isClosed = false;
    const url = web.at("/a", (req, res) => {
      const send = () => {
        while (res.write(TEXT));
        res.once("drain", send);
      };
      req.socket.once("close", () => {
        isClosed = true;
      });
      send();
    });
    expect(await rejection(fetchAll(url))).toMatchObject({ code: "NZB_TOO_LARGE" });
    await until(() => isClosed);
  });

  test.each<[string, Answer]>([
    ["in its header", (req) => req.socket.destroy()],
    [
      "in its body",
      (req, res) => {
        res.writeHead(200, { "Content-Length": "1000" }).write("half");
        setImmediate(() => req.socket.destroy());
      },
    ],
  ])("that breaks off %s can be had later", async (_where, answer) => {
    expect(await rejection(fetchAll(web.at("/a?key=geheim", answer)))).toMatchObject({
      code: "URL_UNREACHABLE",
      message: expect.not.stringContaining("geheim"),
    });
  });

  test("in another protocol is refused, and waits for nobody", async () => {
    const url = web.at("/a?key=geheim", (req) => {
      req.socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    });
    const error = await rejection(fetchAll(url));
    expect(error).toMatchObject({ code: "URL_REFUSED", message: expect.stringContaining("another protocol") });
    expect(error.message).not.toContain("geheim");
  });

  test("under a certificate that proves nothing is refused, in a sentence", async () => {
    const file = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
    await using server = createServer({ cert: file("cert.pem"), key: file("key.pem") }, (_req, res) => res.end(TEXT));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    expect(await rejection(fetchAll(`https://127.0.0.1:${port}/a?key=geheim`))).toMatchObject({
      code: "URL_REFUSED",
      message: expect.stringMatching(/^the certificate of https:\/\/127\.0\.0\.1:\d+ cannot be trusted \([A-Z_]+\)$/),
      hint: expect.stringContaining("clock"),
    });
  });

  test("that nobody gives can be had later", async () => {
    await using gone = await WebServer.open();
    const url = gone.at("/a?key=geheim", "");
    await gone[Symbol.asyncDispose]();
    const error = await rejection(fetchAll(url));
    expect(error).toMatchObject({ code: "URL_UNREACHABLE", message: expect.stringContaining("ECONNREFUSED") });
    expect(error.message).not.toContain("geheim");
  });
});

describe("redirects", () => {
  test.each([301, 302, 303, 307, 308])("with %i are followed, five at most", async (status) => {
    web.at("/5", TEXT);
    for (let step = 4; step >= 0; step -= 1) web.at(`/${step}`, redirect(`/${step + 1}`, status));
    expect((await fetchAll(web.at("/0", redirect("/1", status)))).equals(TEXT)).toBe(true);
    web.at("/5", redirect("/6", status));
    expect(await rejection(fetchAll(web.at("/0", redirect("/1", status))))).toMatchObject({ code: "URL_REFUSED" });
    expect(web.count("/6")).toBe(0);
  });

  test.each(["file:///etc/passwd", "ftp://host/", "data:,x", "http://[", "javascript:1", "http://%zz@h/"])(
    "to %s are refused",
    async (to) => {
      expect(await rejection(fetchAll(web.at("/a", redirect(to))))).toMatchObject({ code: "URL_REFUSED" });
    },
  );

  test("take a login along to the same place, and to no other", async () => {
    await using other = await WebServer.open();
    const target = other.at("/c", TEXT);
    web.at("/b", redirect(target));
    const url = web.at("/a", redirect(web.at("/b", redirect(target))));
    await fetchAll(url.replace("http://", "http://me:secret@"));
    const sent = `Basic ${Buffer.from("me:secret").toString("base64")}`;
    expect([login(0), login(1), other.requests[0]?.headers.authorization]).toEqual([sent, sent, undefined]);
  });
});

describe("an address that is not allowed", () => {
  const isAllowed = (address: string) => address === "127.0.0.1";

  test("is not connected to when a redirect leads there", async () => {
    const url = web.at("/a", redirect(web.at("/b", TEXT).replace("127.0.0.1", "127.0.0.2")));
    expect(await rejection(fetchAll(url, { isAllowed }))).toMatchObject({ code: "URL_FORBIDDEN" });
    expect(web.count("/b")).toBe(0);
  });

  test("is not connected to however often a name changes its mind: each connection asks once", async () => {
    const asked: string[] = [];
    const addresses = ["127.0.0.1", "127.0.0.2"];
    const resolver = ((name: string, _options: object, call: (error: null, all: readonly object[]) => void) => {
      asked.push(name);
      call(null, [{ address: addresses.shift(), family: 4 }]);
    }) as never;
    const url = web.at("/a", redirect("/b")).replace("127.0.0.1", "name.example");
    web.at("/b", TEXT);
    expect(await rejection(fetchAll(url, { isAllowed, resolver }))).toMatchObject({ code: "URL_FORBIDDEN" });
    expect(asked).toEqual(["name.example", "name.example"]);
    expect([web.count("/a"), web.count("/b")]).toEqual([1, 0]);
  });
});

describe("patience", () => {
  /** An answer in the hands of the test. */
  function held(): { readonly url: string; readonly res: () => ServerResponse | undefined } {
    let held: ServerResponse | undefined;
    const url = web.at("/a", (_req, res) => {
      held = res;
    });
    return { url, res: () => held };
  }

  test("ends after a minute without an answer", async () => {
    const { url, res } = held();
    const work = rejection(fetchAll(url));
    await until(() => res() !== undefined);
    clock.advance(59_999);
    clock.advance(1);
    expect(await work).toMatchObject({ code: "URL_UNREACHABLE", message: "the download sends nothing for 60 seconds" });
  });

  test("ends after five minutes, however steadily it drips", async () => {
    const { url, res } = held();
    let received = 0;
    const work = rejection(
      (async () => {
        using download = await openDownload(url, options());
        for await (const chunk of download.body) received += chunk.length;
      })(),
    );
    await until(() => res() !== undefined);
    for (let minute = 1; minute <= 5; minute += 1) {
      res()?.write("x");
      await until(() => received === minute);
      clock.advance(59_000);
    }
    res()?.write("x");
    await until(() => received === 6);
    clock.advance(5_000);
    expect(await work).toMatchObject({ code: "URL_UNREACHABLE", message: "the download takes more than 5 minutes" });
  });

  test("ends at once when the caller leaves", async () => {
    const { url, res } = held();
    const abort = new AbortController();
    const work = rejection(fetchAll(url, { signal: abort.signal }));
    await until(() => res() !== undefined);
    let isClosed = false;
    res()?.once("close", () => {
      isClosed = true;
    });
    const reason = new Error("left");
    abort.abort(reason);
    expect(await work).toBe(reason);
    await until(() => isClosed);
    await settle();
  });
});
