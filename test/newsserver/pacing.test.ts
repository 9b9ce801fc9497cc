import { describe, expect, test } from "@jest/globals";
import { patternContent } from "../../src/newsserver/content.ts";
import { type NewsServer, startNewsServer } from "../../src/newsserver/news-server.ts";
import { Pacer } from "../../src/newsserver/pacer.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { expectBytes } from "./expect-bytes.ts";
import { RawClient } from "./raw-client.ts";
import { decodeWire } from "./yenc-oracle.ts";

const CONTENT = patternContent(6, 2_000);

async function started() {
  const clock = new ManualClock();
  const server = await startNewsServer({ clock });
  const file = server.store.addFile({ name: "f", content: CONTENT });
  return { clock, server, id: file.idOf(1), reply: server.store.find(file.idOf(1))?.bodyReply as Buffer };
}

/** The server has sent exactly so much since the last reset, and no more of its own accord. */
async function expectSent(server: NewsServer, bytes: number): Promise<void> {
  await until(() => server.counters.bytesSent >= bytes);
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(server.counters.bytesSent).toBe(bytes);
}

describe("latency", () => {
  test("delays each reply from the arrival of its command; pipelined ones overlap", async () => {
    const { clock, server } = await started();
    await using _ = server;
    await using client = await RawClient.greeted(server);
    server.behave({ rttMs: 50 });
    server.counters.reset();
    client.send("DATE\r\nDATE\r\n");
    await until(() => server.counters.commands.DATE === 2);
    clock.advance(30);
    client.send("DATE\r\n");
    await until(() => server.counters.commands.DATE === 3);
    clock.advance(19);
    await expectSent(server, 0);
    clock.advance(1);
    const line = "111 20261121030405\r\n".length;
    await expectSent(server, 2 * line);
    clock.advance(29);
    await expectSent(server, 2 * line);
    clock.advance(1);
    await expectSent(server, 3 * line);
  });

  test("without it no command sets a timer", async () => {
    const { clock, server, id } = await started();
    await using _ = server;
    await using client = await RawClient.greeted(server);
    client.send(`BODY <${id}>\r\nDATE\r\n`);
    await until(() => server.counters.commands.DATE === 1);
    expect(clock.timers).toBe(0);
  });

  test("greets a TCP client after two round trips, since loopback shakes hands in none", async () => {
    const { clock, server } = await started();
    await using _ = server;
    server.behave({ rttMs: 10 });
    await using client = RawClient.open(server);
    await until(() => server.counters.connectionsNow === 1);
    clock.advance(19);
    await expectSent(server, 0);
    clock.advance(1);
    expect(await client.line()).toMatch(/^200 /);
  });

  test("a change holds for the commands that come after it", async () => {
    const { clock, server } = await started();
    await using _ = server;
    await using client = await RawClient.greeted(server);
    server.behave({ rttMs: 1_000 });
    client.send("DATE\r\n");
    await until(() => server.counters.commands.DATE === 1);
    server.behave({ rttMs: 0 });
    client.send("HELP\r\n");
    await until(() => server.counters.commands.HELP === 1);
    expect(client.buffered).toBe(0);
    clock.advance(1_000);
    expect(await client.line()).toMatch(/^111 /);
    expect(await client.line()).toMatch(/^100 /);
  });
});

describe("the rate of a connection", () => {
  test("10 000 bytes a second are 50 bytes every 5 ms, whatever the replies are", async () => {
    const { clock, server, id, reply } = await started();
    await using _ = server;
    await using client = await RawClient.greeted(server);
    server.behave({ bytesPerSecond: 10_000 });
    server.counters.reset();
    client.send(`BODY <${id}>\r\nBODY <${id}>\r\n`);
    for (let sent = 50; sent < 1_000; sent += 50) {
      await expectSent(server, sent);
      clock.advance(4);
      await expectSent(server, sent);
      clock.advance(1);
    }
    server.behave({ bytesPerSecond: 0 });
    clock.advance(5);
    await client.line();
    expectBytes(decodeWire(await client.block()).bytes, CONTENT.read(0, 2_000));
    await client.line();
    expectBytes(decodeWire(await client.block()).bytes, CONTENT.read(0, 2_000));
    expect(server.counters.bytesSent).toBe(2 * reply.length);
  });

  test("is each connection's own", async () => {
    const { server, id } = await started();
    await using _ = server;
    server.counters.reset();
    await using one = await RawClient.greeted(server);
    await using two = await RawClient.greeted(server);
    await until(() => server.counters.commands.GREETING === 2);
    server.counters.reset();
    server.behave({ bytesPerSecond: 10_000 });
    one.send(`BODY <${id}>\r\n`);
    two.send(`BODY <${id}>\r\n`);
    await expectSent(server, 100);
  });

  test("makes up for late timers, but not for idleness", () => {
    const pacer = new Pacer();
    const rate = 100_000;
    expect(pacer.sliceBytes(rate)).toBe(500);
    expect(pacer.sliceBytes(1)).toBe(1);
    expect(pacer.sliceBytes(1e12)).toBe(65_536);
    pacer.sent(500, rate, 0);
    expect(pacer.delay(0)).toBe(5);
    pacer.sent(500, rate, 8);
    expect(pacer.delay(8)).toBe(2);
    pacer.sent(500, rate, 1_000);
    expect(pacer.delay(1_000)).toBe(5);
  });
});

describe("an idle limit", () => {
  test("ends a connection without a word when nothing was asked for so long, and no busy one", async () => {
    const { clock, server, id } = await started();
    await using _ = server;
    await using busy = await RawClient.greeted(server);
    await using idle = await RawClient.greeted(server);
    using gate = server.hold(id);
    busy.send(`BODY <${id}>\r\n`);
    await gate.arrived();
    server.behave({ idleCloseMs: 100 });
    clock.advance(60);
    await idle.ask("DATE");
    clock.advance(60);
    expect(server.counters.connectionsNow).toBe(2);
    clock.advance(40);
    expect(await idle.rest()).toHaveLength(0);
    gate.open();
    expect(await busy.line()).toMatch(/^222 /);
    server.behave({ idleCloseMs: 0 });
    expect(clock.timers).toBe(0);
  });
});
