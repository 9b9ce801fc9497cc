import { copyFile, mkdtemp, readFile, rm, unlink, utimes, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { request as requestSecure } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectSecure, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Logger } from "../../src/base/logger.ts";
import { type HttpServer, startHttpServer } from "../../src/http-server.ts";
import { ManualClock } from "../manual-clock.ts";
import { whileTimePasses } from "../nntp/pool-fixture.ts";
import { until } from "../until.ts";
import { TESTER } from "./client.ts";
import { startSystem } from "./fixture.ts";

const FIXTURES = new URL("../fixtures/tls/", import.meta.url);
const MINUTE = 60_000;

interface Line {
  readonly level: "info" | "warn" | "error";
  readonly text: string;
}

let folder: string;
let certFile: string;
let keyFile: string;
let clock: ManualClock;
let lines: Line[];
let ca: Buffer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "newsreel-tls-"));
  certFile = join(folder, "cert.pem");
  keyFile = join(folder, "key.pem");
  clock = new ManualClock();
  lines = [];
  ca = await readFile(new URL("cert.pem", FIXTURES));
  await use("");
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  expect(process.listenerCount("SIGHUP")).toBe(0);
  expect(clock.timers).toBe(0);
});

/** Puts one of the two certificates into the files, as if a while had passed. */
async function use(which: "" | "wrong-host-"): Promise<void> {
  await copyFile(new URL(`${which}cert.pem`, FIXTURES), certFile);
  await copyFile(new URL(`${which}key.pem`, FIXTURES), keyFile);
}

const keep = (level: Line["level"]) => (fields: object, message: string) => {
  lines.push({ level, text: `${message} ${JSON.stringify(fields)}` });
};
const log: Logger = { debug() {}, info: keep("info"), warn: keep("warn"), error: keep("error") };

function start(files: Partial<{ certFile: string; keyFile: string }> = {}): Promise<HttpServer> {
  const answer = async (req: IncomingMessage, res: { end(text: string): unknown }) => void res.end(`${req.method}`);
  const tls = { certFile, keyFile, host: "127.0.0.1", port: 0, ...files };
  return startHttpServer(answer, { host: "127.0.0.1", port: 0, urlBase: "", graceMs: 0, clock, log, tls });
}

const portOf = (url = "") => Number(new URL(url).port);

/** The host that the certificate of a new connection is for. */
async function hostShown(server: HttpServer): Promise<string> {
  const socket = await handshake(server);
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

function handshake({ tlsUrl }: HttpServer): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectSecure({ port: portOf(tlsUrl), host: "127.0.0.1", rejectUnauthorized: false }, () =>
      resolve(socket),
    );
    socket.on("error", reject);
  });
}

/** One request over a connection that is there already. */
async function askOver(socket: TLSSocket): Promise<string> {
  socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const answer = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
  return answer.toString();
}

const OURS = "Newsreel test server";
const OTHER = "Newsreel test server for another host";

describe("TLS", () => {
  test("serves the same over https, and plain http as before", async () => {
    await using server = await start();
    const ask = (send: typeof request, url = "") =>
      new Promise<string>((resolve, reject) => {
        const asked = send(url, { ca } as object, (res) =>
          res.on("data", (data) => resolve(`${res.statusCode} ${data}`)),
        );
        asked.on("error", reject).end();
      });
    expect(await ask(request, server.url)).toBe("200 GET");
    expect(await ask(requestSecure as typeof request, server.tlsUrl)).toBe("200 GET");
  });

  test("is not there without files", async () => {
    await using server = await start({ certFile: "", keyFile: "" });
    expect(server.tlsUrl).toBeUndefined();
  });

  test("speaks HTTP/1.1 over TLS 1.2 or later", async () => {
    await using server = await start();
    const port = portOf(server.tlsUrl);
    const socket = connectSecure({ port, rejectUnauthorized: false, ALPNProtocols: ["h2", "http/1.1"] });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    expect([socket.alpnProtocol, socket.getProtocol()]).toEqual(["http/1.1", "TLSv1.3"]);
    socket.destroy();
    const old = connectSecure({ port, rejectUnauthorized: false, minVersion: "TLSv1", maxVersion: "TLSv1.1" });
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => old.once("error", resolve));
    expect(error.code).toMatch(/^ERR_SSL_/);
  });

  test("survives clients that speak something else, and serves the next one", async () => {
    await using server = await start();
    for (const bytes of ["GET / HTTP/1.1\r\nHost: h\r\n\r\n", "\x16\x03\x01\xff\xff", "\0".repeat(1_000), ""]) {
      const socket = connect(portOf(server.tlsUrl), "127.0.0.1");
      socket.on("error", () => {}).resume();
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.end(bytes);
      await closed;
    }
    expect(await askOver(await handshake(server))).toContain("200 OK");
    expect(lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("a new certificate", () => {
  test("is used for new connections within a minute, and open ones go on", async () => {
    await using server = await start();
    const open = await handshake(server);
    expect(await hostShown(server)).toBe(OURS);
    await use("wrong-host-");
    expect(await hostShown(server)).toBe(OURS);
    clock.advance(MINUTE);
    await until(() => lines.some(({ text }) => text.includes("read anew")));
    expect(await hostShown(server)).toBe(OTHER);
    expect(await askOver(open)).toContain("200 OK");
    open.destroy();
  });

  test("is used at once after SIGHUP", async () => {
    await using server = await start();
    await use("wrong-host-");
    process.emit("SIGHUP");
    await until(() => lines.some(({ text }) => text.includes("read anew")));
    expect(await hostShown(server)).toBe(OTHER);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ["is rubbish", () => writeFile(certFile, "rubbish"), "holds no certificate"],
    ["has no key yet", () => copyFile(new URL("wrong-host-cert.pem", FIXTURES), certFile), "is not that of"],
    ["is gone", () => unlink(certFile), "ENOENT"],
    ["has a key that is rubbish", () => writeFile(keyFile, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n"), "no usable key"],
  ])("that %s leaves the old one in use, is reported once, and may come right", async (_, spoil, reason) => {
    await using server = await start();
    await spoil();
    clock.advance(MINUTE);
    await until(() => lines.some(({ level }) => level === "warn"));
    expect(lines.at(-1)?.text).toContain(reason);
    expect(await hostShown(server)).toBe(OURS);
    // Of the same files nothing is said again, unless somebody asks.
    const said = lines.length;
    clock.advance(10 * MINUTE);
    process.emit("SIGHUP");
    await until(() => lines.length > said);
    expect(lines.length).toBe(said + 1);
    await use("wrong-host-");
    await utimes(certFile, 1_000, 1_000);
    clock.advance(MINUTE);
    await until(() => lines.length > said + 1);
    expect(lines.at(-1)?.text).toContain("read anew");
    expect(await hostShown(server)).toBe(OTHER);
    expect(lines.some(({ text }) => text.includes("BEGIN") || text.includes("c2VjcmV0"))).toBe(false);
  });
});

describe("files that cannot be used stop the start:", () => {
  const refusal = async (files: Parameters<typeof start>[0] = {}) => {
    const error = await start(files).then(
      () => undefined,
      (cause) => cause,
    );
    expect(error?.code).toBe("CONFIG_INVALID");
    expect(error?.hint).toBeTruthy();
    return error.message as string;
  };

  test("one of the two is missing", async () => {
    expect(await refusal({ keyFile: "" })).toContain("both");
    expect(await refusal({ certFile: "" })).toContain("both");
    expect(await refusal({ certFile: join(folder, "none.pem") })).toContain("tls.certFile");
    expect(await refusal({ keyFile: folder })).toContain("it is no file");
  });

  test("they do not belong together, or are the wrong way round", async () => {
    await copyFile(new URL("wrong-host-key.pem", FIXTURES), keyFile);
    expect(await refusal()).toContain("is not that of the certificate");
    expect(await refusal({ certFile: keyFile })).toContain("holds no certificate");
    expect(await refusal({ keyFile: certFile })).toContain("holds no usable key");
    await writeFile(keyFile, Buffer.alloc(2 ** 20 + 1));
    expect(await refusal()).toContain("larger than 1 MiB");
  });

  test("the port is taken, and the plain one is free again", async () => {
    await using other = await start();
    const taken = { certFile, keyFile, host: "127.0.0.1", port: portOf(other.tlsUrl) };
    const once = await start({ certFile: "", keyFile: "" });
    const options = { host: "127.0.0.1", port: portOf(once.url), urlBase: "", graceMs: 0, clock, log };
    await once[Symbol.asyncDispose]();
    const failure = startHttpServer(async () => {}, { ...options, tls: taken });
    const hint = expect.stringContaining("NEWSREEL_TLS_PORT");
    await expect(failure).rejects.toMatchObject({ code: "CONFIG_INVALID", hint });
    await using again = await startHttpServer(async () => {}, { ...options, tls: { ...taken, port: 0 } });
    expect(portOf(again.url)).toBe(options.port);
  });
});

test("a client that never ends its handshake does not hold up the end", async () => {
  const server = await start();
  const socket = connect(portOf(server.tlsUrl), "127.0.0.1");
  const closed = new Promise((resolve) => socket.on("error", () => {}).once("close", resolve));
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write("\x16\x03\x01");
  // Accepted before the next one.
  (await handshake(server)).destroy();
  await whileTimePasses(clock, Promise.resolve(server[Symbol.asyncDispose]()));
  await closed;
});

test("the whole product is served over TLS, and a list for players says https", async () => {
  const tls = { "tls.certFile": certFile, "tls.keyFile": keyFile, "tls.host": "127.0.0.1", "tls.port": 0 };
  await using system = await startSystem({ settings: tls });
  const film = system.addCold({ size: 100_000 });
  const url = new URL(`${film.path}?format=strm`, system.app.tlsUrl);
  const text = await new Promise<string>((resolve, reject) => {
    requestSecure(url, { ca, headers: TESTER, servername: "localhost" }, (res) =>
      res.on("data", (data) => resolve(`${data}`)),
    )
      .on("error", reject)
      .end();
  });
  expect(text).toBe(`${url.origin}${film.path}\n`);
});
