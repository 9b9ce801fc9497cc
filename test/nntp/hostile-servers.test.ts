import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import tls, { createServer } from "node:tls";
import { afterEach, describe, expect, test } from "@jest/globals";
import { silentLogger } from "../../src/base/logger.ts";
import type { MessageId } from "../../src/base/message-id.ts";
import { startNewsServer } from "../../src/newsserver/news-server.ts";
import { openConnection } from "../../src/nntp/login.ts";
import { Pool } from "../../src/nntp/pool.ts";
import { probeProvider } from "../../src/nntp/probe.ts";
import type { ProviderOptions } from "../../src/nntp/provider-options.ts";
import { loadKernel } from "../../src/yenc/load-kernel.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { slot, startPool, whileTimePasses } from "./pool-fixture.ts";
import { startScript } from "./script-server.ts";

const never = new AbortController().signal;
const ID = "wanted@test" as MessageId;
const file = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));

function provider(port: number, wish: Partial<ProviderOptions> = {}): ProviderOptions {
  const { host = "127.0.0.1" } = wish;
  return {
    id: "p",
    host,
    port,
    tls: false,
    verifyTls: true,
    username: "",
    password: "",
    connections: 2,
    tier: 0,
    backup: false,
    pipeline: 2,
    timeoutMs: 10_000,
    ...wish,
  };
}

const timers = new Set<NodeJS.Timeout>();
afterEach(() => {
  for (const timer of timers) clearInterval(timer);
});

function poolOf(port: number, wish: Partial<ProviderOptions> = {}) {
  const clock = new ManualClock();
  const pool = new Pool({
    providers: [provider(port, wish)],
    kernel: loadKernel(),
    clock,
    log: silentLogger,
    random: () => 0.5,
    limits: { importConnections: () => 10, reserve: () => 0 },
  });
  const fetch = () => pool.body(ID, slot(), { urgency: { lane: "playhead" }, signal: never, expect: { size: 50_000 } });
  return { clock, pool, fetch };
}

describe("answers without an end", () => {
  test("a body that never ends is cut off, and costs two commands", async () => {
    const junk = Buffer.alloc(1024 * 1024, `${"x".repeat(126)}\r\n`);
    const pour = (socket: Socket) => {
      while (!socket.destroyed && socket.write(junk));
      socket.once("drain", () => pour(socket));
    };
    await using server = await startScript((line, socket) => {
      if (!line.startsWith("BODY")) return;
      socket.write("222 0 <wanted@test>\r\n");
      pour(socket);
    });
    const { clock, pool, fetch } = poolOf(server.port);
    await using _ = pool;
    await expect(whileTimePasses(clock, fetch(), 5)).rejects.toMatchObject({
      code: "PROVIDER_PROTOCOL",
      message: expect.stringContaining("no end"),
    });
    expect(server.commands.filter((line) => line.startsWith("BODY"))).toHaveLength(2);
    expect(pool.snapshot()[0]?.bytes).toBeLessThan(40 * 1024 * 1024);
  });

  test("a body that drips a byte now and then is given up like one that hangs", async () => {
    await using server = await startScript((line, socket) => {
      if (!line.startsWith("BODY")) return;
      socket.write("222 0 <wanted@test>\r\n=ybegin line=128 size=50000 name=a\r\n");
      timers.add(setInterval(() => socket.write("a"), 1));
    });
    const { clock, pool, fetch } = poolOf(server.port, { timeoutMs: 3_000 });
    await using _ = pool;
    await expect(whileTimePasses(clock, fetch(), 10)).rejects.toMatchObject({ code: "PROVIDER_TIMEOUT" });
    expect(server.commands.filter((line) => line.startsWith("BODY"))).toHaveLength(2);
  });

  test("a command sent behind a stalled one does not give that one more time", async () => {
    await using server = await startScript(() => {});
    const { clock, pool, fetch } = poolOf(server.port, { connections: 1, pipeline: 4, timeoutMs: 3_000 });
    await using _ = pool;
    const lost = [fetch().catch((error) => error)];
    await until(() => server.commands.length === 1);
    for (const count of [2, 3]) {
      clock.advance(2_000);
      // The server is given a moment to notice that the connection is gone.
      clock.advance(50);
      if (server.connectionsEver > 1) break;
      lost.push(fetch().catch((error) => error));
      await until(() => server.commands.length === count || server.connectionsEver > 1);
    }
    await until(() => server.connectionsEver === 2);
    expect(clock.now()).toBeLessThanOrEqual(4_100);
    await pool[Symbol.asyncDispose]();
    await whileTimePasses(clock, Promise.all(lost));
  });

  test("a greeting that never comes is given up after the timeout", async () => {
    await using server = await startScript(
      () => {},
      () => {},
    );
    const { clock, pool, fetch } = poolOf(server.port, { timeoutMs: 3_000 });
    await using _ = pool;
    const fetching = fetch();
    await until(() => server.connectionsEver === 1);
    clock.advance(2_999);
    expect(pool.snapshot()[0]?.connections.opening).toBe(1);
    await expect(whileTimePasses(clock, fetching)).rejects.toMatchObject({ code: "PROVIDER_TIMEOUT" });
    expect(server.commands).toEqual([]);
  });

  test("a probe ends also when the server lets us in and then says nothing", async () => {
    await using server = await startNewsServer();
    using gate = server.hold(({ verb }) => verb === "DATE");
    const clock = new ManualClock();
    const probing = probeProvider(provider(server.port, { timeoutMs: 3_000 }), { clock, signal: never });
    await gate.arrived();
    clock.advance(3_000);
    expect(await probing).toMatchObject({ ok: false });
    await until(() => server.counters.connectionsNow === 0);
    expect(clock.timers).toBe(0);
  });

  test("a probe ends when the one who asked leaves", async () => {
    await using server = await startNewsServer();
    using gate = server.hold(({ verb }) => verb === "DATE");
    const controller = new AbortController();
    const { signal } = controller;
    const probing = probeProvider(provider(server.port), { clock: new ManualClock(), signal });
    await gate.arrived();
    const reason = new Error("left");
    controller.abort(reason);
    await expect(probing).rejects.toBe(reason);
    await until(() => server.counters.connectionsNow === 0);
  });
});

describe("a login that is forgotten", () => {
  test("480 in the middle of a session costs a new login, and the provider is not left alone for it", async () => {
    let isForgotten = false;
    await using server = await startScript((line, socket) => {
      if (line.startsWith("AUTHINFO USER")) socket.write("381 go on\r\n");
      else if (line.startsWith("AUTHINFO PASS")) {
        isForgotten = false;
        socket.write("281 welcome\r\n");
      } else if (line.startsWith("STAT")) socket.write(isForgotten ? "480 log in first\r\n" : "223 0 <a@b>\r\n");
    });
    const { clock, pool } = poolOf(server.port, { username: "u", password: "p", connections: 1 });
    await using _ = pool;
    const stat = () => whileTimePasses(clock, pool.stat(ID, { urgency: { lane: "health" }, signal: never }));
    expect(await stat()).toBe("present");
    isForgotten = true;
    expect(await stat()).toBe("present");
    expect(server.connectionsEver).toBe(2);
    expect(pool.snapshot()[0]).toMatchObject({ state: "ready" });
  });

  test("a connection on which the account is refused is not used again", async () => {
    await using server = await startScript((line, socket) => {
      if (line.startsWith("BODY")) socket.write("502 account expired\r\n");
    });
    const { clock, pool, fetch } = poolOf(server.port);
    await using _ = pool;
    await expect(whileTimePasses(clock, fetch())).rejects.toMatchObject({ code: "PROVIDER_AUTH" });
    expect(pool.snapshot()[0]).toMatchObject({ state: "backing-off", connections: { open: 0 } });
    await expect(fetch()).rejects.toMatchObject({ code: "PROVIDER_AUTH" });
    expect(server.commands.filter((line) => line.startsWith("BODY"))).toHaveLength(1);
  });
});

describe("back-off", () => {
  test("connections that are lost together count as one failure, so that a short outage is over soon", async () => {
    await using system = await startPool([{ connections: 12 }]);
    system.server.behave({ greetingFault: "closeBeforeGreeting" });
    const fetching = Array.from({ length: 12 }, (_, index) => system.fetch(index));
    await until(() => system.server.counters.connectionsEver === 12);
    await until(() => system.pool.snapshot()[0]?.connections.opening === 0);
    system.server.behave({ greetingFault: undefined });
    expect(system.pool.snapshot()[0]?.retryAt).toBeLessThanOrEqual(system.clock.wall() + 1_250);
    system.clock.advance(1_250);
    await Promise.all(fetching);
  });
});

describe("TLS", () => {
  const connect = (port: number, ca: string, host = "127.0.0.1") =>
    openConnection(provider(port, { host, tls: true }), {
      clock: new ManualClock(),
      events: { onClosed() {}, onRtt() {}, onRate() {}, onReceived() {}, onUnwanted() {} },
      secure: tls.createSecureContext({ ca: file(ca) }),
      signal: never,
    });

  test("a trusted certificate for the address that was asked for is taken", async () => {
    await using server = await startNewsServer({ tls: { key: file("key.pem"), cert: file("cert.pem") } });
    const connection = await connect(server.port, "cert.pem");
    expect(connection.isClosed).toBe(false);
    connection.close(new Error("over") as never);
  });

  test("a trusted certificate for another host is refused, with a hint", async () => {
    const wrong = { key: file("wrong-host-key.pem"), cert: file("wrong-host-cert.pem") };
    await using server = await startNewsServer({ tls: wrong });
    await expect(connect(server.port, "wrong-host-cert.pem")).rejects.toMatchObject({
      code: "PROVIDER_UNREACHABLE",
      hint: expect.stringContaining("verifyTls"),
    });
    expect(server.counters.commands.GREETING).toBe(0);
  });

  test("a host is named to the server, an address is not (RFC 6066 section 3)", async () => {
    const names: (string | false | null | undefined)[] = [];
    const server = createServer({ key: file("key.pem"), cert: file("cert.pem") }, (socket) => {
      names.push(socket.servername);
      socket.on("error", () => {});
      socket.end("200 ready\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    const { port } = server.address() as { port: number };
    await connect(port, "cert.pem", "localhost");
    await new Promise((resolve) => server.close(resolve));
    expect(names).toEqual(["localhost"]);
  });
});
