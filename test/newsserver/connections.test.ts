import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import type { MessageId } from "../../src/base/message-id.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import { startNewsServer } from "../../src/newsserver/news-server.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { expectBytes } from "./expect-bytes.ts";
import { RawClient } from "./raw-client.ts";
import { decodeWire } from "./yenc-oracle.ts";

function pem(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
}

const TLS = { key: pem("key"), cert: pem("cert") };
const CONTENT = patternContent(8, 900_000);

describe("too many connections", () => {
  test("are refused at the greeting with the chosen text, until one leaves", async () => {
    await using server = await startNewsServer({ behaviour: { maxConnections: 2, refusal: "400 idle or too many" } });
    await using _one = await RawClient.greeted(server);
    const two = await RawClient.greeted(server);
    await using three = RawClient.open(server);
    three.send("DATE\r\n");
    expect((await three.rest()).toString()).toBe("400 idle or too many\r\n");
    const { connectionsEver, connectionsNow, connectionsMax, connectionsRefused } = server.counters;
    expect({ connectionsEver, connectionsNow, connectionsMax, connectionsRefused }).toEqual({
      connectionsEver: 3,
      connectionsNow: 2,
      connectionsMax: 2,
      connectionsRefused: 1,
    });
    await two[Symbol.asyncDispose]();
    await until(() => server.counters.connectionsNow === 1);
    await using four = RawClient.open(server);
    expect(await four.line()).toMatch(/^200 /);
  });

  test("may be refused at the login instead: 482 leaves the session open, 502 ends it", async () => {
    const behaviour = {
      maxConnections: 1,
      refuseAt: "login",
      refusal: "482 too many connections for your user",
    } as const;
    await using server = await startNewsServer({ behaviour, credentials: { username: "u", password: "p" } });
    const one = await RawClient.greeted(server);
    await using two = await RawClient.greeted(server);
    const logIn = async (client: RawClient) => {
      await client.ask("AUTHINFO USER u");
      return client.ask("AUTHINFO PASS p");
    };
    expect(await logIn(one)).toMatch(/^281 /);
    expect(await logIn(two)).toBe("482 too many connections for your user");
    expect(await two.ask("STAT <a@x>")).toMatch(/^480 /);
    await one[Symbol.asyncDispose]();
    await until(() => server.counters.connectionsNow === 1);
    expect(await logIn(two)).toMatch(/^281 /);
    server.behave({ refusal: "502 limit reached" });
    await using three = await RawClient.greeted(server);
    expect(await logIn(three)).toBe("502 limit reached");
    expect(await three.rest()).toHaveLength(0);
    expect(server.counters.connectionsRefused).toBe(2);
    expect(server.counters.loginsFailed).toBe(0);
  });

  test("a lower limit ends nobody, a higher one holds at once", async () => {
    await using server = await startNewsServer();
    await using one = await RawClient.greeted(server);
    await using two = await RawClient.greeted(server);
    server.behave({ maxConnections: 1 });
    expect(await one.ask("DATE")).toMatch(/^111 /);
    expect(await two.ask("DATE")).toMatch(/^111 /);
    await using three = RawClient.open(server);
    expect(await three.line()).toMatch(/^502 /);
    server.behave({ maxConnections: 3 });
    await using four = RawClient.open(server);
    expect(await four.line()).toMatch(/^200 /);
  });
});

describe("counters", () => {
  test("tell commands per verb and per message-id, and bytes", async () => {
    await using server = await startNewsServer();
    const file = server.store.addFile({ name: "f", content: CONTENT, partSize: 300_000 });
    await using client = RawClient.open(server);
    const greeting = await client.line();
    const [one, two] = [file.idOf(1), file.idOf(2)];
    let bytes = greeting.length + 2;
    for (const command of [`BODY <${one}>`, `BODY <${one}>`, `ARTICLE <${two}>`]) {
      bytes += (await client.ask(command)).length + 2;
      bytes += (await client.block()).length;
    }
    bytes += (await client.ask(`STAT <${two}>`)).length + 2;
    bytes += (await client.ask("BODY <no@x>")).length + 2;
    const { counters } = server;
    expect(counters.commands).toMatchObject({ GREETING: 1, BODY: 3, ARTICLE: 1, STAT: 1, HEAD: 0, OTHER: 0 });
    expect(Object.fromEntries(counters.bodies)).toEqual({ [one]: 2, [two]: 1, "no@x": 1 });
    expect(Object.fromEntries(counters.stats)).toEqual({ [two]: 1 });
    await until(() => counters.bytesSent === bytes);
    expect([counters.bodiesInFlight, counters.bodiesInFlightMax, counters.bodiesCut]).toEqual([0, 1, 0]);

    counters.reset();
    expect(counters.commands.BODY).toBe(0);
    expect(counters.bodies.size + counters.stats.size).toBe(0);
    expect([counters.bytesSent, counters.connectionsEver]).toEqual([0, 0]);
    expect([counters.connectionsNow, counters.connectionsMax, counters.bodiesInFlightMax]).toEqual([1, 1, 0]);
  });

  test("tell what was sent after the client had closed its side", async () => {
    const clock = new ManualClock();
    await using server = await startNewsServer({ clock });
    await using client = await RawClient.greeted(server);
    server.behave({ rttMs: 10 });
    server.counters.reset();
    client.socket.end("DATE\r\n");
    await until(() => server.counters.commands.DATE === 1 && client.socket.writableFinished);
    // One exchange on another connection: the server has seen the end of the first by then.
    server.behave({ rttMs: 0 });
    await using other = await RawClient.greeted(server);
    await other.ask("HELP");
    const before = server.counters.bytesSent;
    clock.advance(10);
    expect((await client.rest()).length).toBe(server.counters.bytesAfterClientClosed);
    expect(server.counters.bytesAfterClientClosed).toBe(server.counters.bytesSent - before);
    expect(server.counters.bytesAfterClientClosed).toBeGreaterThan(0);
  });

  test("a client that leaves in a body it does not read stops it: it is cut, and nothing stays in flight", async () => {
    await using server = await startNewsServer();
    const id = "large@x" as MessageId;
    server.store.addArticle({ id, body: Buffer.alloc(10_000_000, "x") });
    const client = await RawClient.greeted(server);
    using gate = server.hold(id, { afterBytes: 5_000 });
    client.socket.pause();
    client.send(`BODY <${id}>\r\n`.repeat(5));
    await gate.arrived();
    gate.open();
    await until(() => server.counters.commands.BODY === 5);
    client.socket.destroy();
    await until(() => server.counters.connectionsNow === 0);
    expect(server.counters.bodiesInFlight).toBe(0);
    expect(server.counters.bodiesCut).toBeGreaterThanOrEqual(1);
    expect(server.counters.bytesSent).toBeLessThan(50_000_000);
  });
});

describe("over TLS", () => {
  test("everything is as over TCP, and the certificate fits localhost and 127.0.0.1", async () => {
    await using server = await startNewsServer({ tls: TLS });
    const file = server.store.addFile({ name: "f", content: CONTENT, partSize: 300_000 });
    for (const host of ["127.0.0.1", "localhost"]) {
      await using client = RawClient.open({ host, port: server.port }, TLS.cert);
      expect(await client.line()).toMatch(/^200 /);
      client.send(Array.from(file.segments, ({ id }) => `BODY <${id}>\r\n`).join(""));
      for (let part = 0; part < 3; part += 1) {
        expect(await client.line()).toMatch(/^222 /);
        expectBytes(decodeWire(await client.block()).bytes, CONTENT.read(part * 300_000, 300_000));
      }
      expect(await client.ask("QUIT")).toMatch(/^205 /);
      expect(await client.rest()).toHaveLength(0);
    }
  });

  test("a client that does not know the certificate, or finds another host's, can refuse it", async () => {
    await using wrong = await startNewsServer({ tls: { key: pem("wrong-host-key"), cert: pem("wrong-host-cert") } });
    await using right = await startNewsServer({ tls: TLS });
    const refusal = (port: number, ca?: Buffer) =>
      new Promise<string | undefined>((resolve) => {
        const socket = connectTls({ host: "127.0.0.1", port, ...(ca === undefined ? {} : { ca }) }, () =>
          resolve(undefined),
        );
        socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      });
    expect(await refusal(wrong.port, pem("wrong-host-cert"))).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(await refusal(right.port)).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
    await until(() => right.counters.connectionsNow + wrong.counters.connectionsNow === 0);
  });

  test("a client that speaks no TLS is dropped, and others are served", async () => {
    await using server = await startNewsServer({ tls: TLS });
    await using plain = RawClient.open(server);
    plain.send("CAPABILITIES\r\n\r\n\r\n\r\n");
    await plain.rest();
    await using client = await RawClient.greeted(server, TLS.cert);
    expect(await client.ask("DATE")).toMatch(/^111 /);
  });

  test("a client that leaves at a gate, or in a body it does not read, is noticed", async () => {
    await using server = await startNewsServer({ tls: TLS });
    const id = "large@x" as MessageId;
    server.store.addArticle({ id, body: Buffer.alloc(10_000_000, "x") });
    const held = await RawClient.greeted(server, TLS.cert);
    const unread = await RawClient.greeted(server, TLS.cert);
    unread.socket.pause();
    unread.send(`BODY <${id}>\r\n`.repeat(3));
    await until(() => server.counters.commands.BODY === 3);
    using gate = server.hold(id, { afterBytes: 1_000 });
    held.send(`BODY <${id}>\r\n`);
    await gate.arrived();
    await held[Symbol.asyncDispose]();
    await unread[Symbol.asyncDispose]();
    await until(() => server.counters.connectionsNow === 0);
    expect([server.counters.bodiesInFlight, gate.waiting]).toEqual([0, 0]);
  });

  test("greets after three round trips: TCP, TLS 1.3, and its own", async () => {
    const clock = new ManualClock();
    await using server = await startNewsServer({ tls: TLS, clock, behaviour: { rttMs: 10 } });
    await using client = RawClient.open(server, TLS.cert);
    await until(() => server.counters.connectionsNow === 1);
    clock.advance(29);
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.counters.bytesSent).toBe(0);
    clock.advance(1);
    expect(await client.line()).toMatch(/^200 /);
  });
});

describe("starting, dropping and closing", () => {
  test("a port that is taken is a configuration error", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };
    await expect(startNewsServer({ port })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    other.close();
  });

  test("drop ends idle connections and leaves busy ones, or ends all", async () => {
    await using server = await startNewsServer();
    const file = server.store.addFile({ name: "f", content: CONTENT });
    await using idle = await RawClient.greeted(server);
    await using busy = await RawClient.greeted(server);
    await using posting = await RawClient.greeted(server);
    using gate = server.hold(file.idOf(1));
    busy.send(`BODY <${file.idOf(1)}>\r\n`);
    await posting.ask("POST");
    await gate.arrived();
    expect(server.drop("idle")).toBe(1);
    expect(await idle.rest()).toHaveLength(0);
    expect(server.drop("all")).toBe(2);
    expect(await busy.rest()).toHaveLength(0);
    expect(await posting.rest()).toHaveLength(0);
  });

  test.each([{}, { tls: TLS }])(
    "closing ends every connection, whatever it waits for, and leaves no timer (%#)",
    async (options) => {
      const clock = new ManualClock();
      const server = await startNewsServer({ ...options, clock });
      const file = server.store.addFile({ name: "f", content: CONTENT, partSize: 300_000 });
      const ca = "tls" in options ? TLS.cert : undefined;
      const clients = await Promise.all(Array.from({ length: 6 }, () => RawClient.greeted(server, ca)));
      const [held, slow, late, idle, unread, quitting] = clients as [
        RawClient,
        RawClient,
        RawClient,
        RawClient,
        RawClient,
        RawClient,
      ];
      const shaking = connect(server.port, "127.0.0.1");
      await new Promise((resolve) => shaking.once("connect", resolve));
      shaking.on("error", () => {});

      using gate = server.hold(file.idOf(1));
      held.send(`BODY <${file.idOf(1)}>\r\n`);
      await gate.arrived();
      unread.socket.pause();
      unread.send(`BODY <${file.idOf(2)}>\r\n`.repeat(60));
      await until(() => server.counters.commands.BODY === 61);
      server.behave({ bytesPerSecond: 1_000, idleCloseMs: 60_000 });
      slow.send(`BODY <${file.idOf(2)}>\r\n`);
      await until(() => server.counters.commands.BODY === 62);
      server.behave({ rttMs: 60_000 });
      late.send("DATE\r\n");
      await until(() => server.counters.commands.DATE === 1);
      server.behave({ rttMs: 0 });
      quitting.send("QUIT\r\n");
      await until(() => server.counters.commands.QUIT === 1);
      expect(idle.buffered).toBe(0);
      expect(clock.timers).toBeGreaterThan(0);

      await Promise.all([server.close(), server.close()]);
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
      shaking.destroy();
      expect(clock.timers).toBe(0);
      expect([server.counters.connectionsNow, server.counters.bodiesInFlight, gate.waiting]).toEqual([0, 0, 0]);
    },
  );

  test("300 clients that come, ask and vanish leave nothing behind", async () => {
    await using server = await startNewsServer();
    const file = server.store.addFile({ name: "f", content: CONTENT, partSize: 90_000 });
    await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const client = RawClient.open(server);
        client.send(`BODY <${file.idOf((index % 10) + 1)}>\r\nSTAT <no@x>\r\n`);
        if (index % 3 === 0) await client.line();
        if (index % 3 === 1) await client.bytesBuffered(1_000);
        await client[Symbol.asyncDispose]();
      }),
    );
    await until(() => server.counters.connectionsNow === 0);
    expect(server.counters.bodiesInFlight).toBe(0);
    await using client = await RawClient.greeted(server);
    expect(await client.ask("DATE")).toMatch(/^111 /);
  });
});
