import { describe, expect, test } from "@jest/globals";
import { patternContent } from "../../src/newsserver/content.ts";
import { type NewsServer, startNewsServer } from "../../src/newsserver/news-server.ts";
import { until } from "../until.ts";
import { expectBytes } from "./expect-bytes.ts";
import { RawClient } from "./raw-client.ts";
import { decodeWire } from "./yenc-oracle.ts";

const CONTENT = patternContent(6, 300_000);

function addFile(server: NewsServer) {
  return server.store.addFile({ name: "f", content: CONTENT, partSize: 100_000 });
}

describe("a gate", () => {
  test("holds the replies of one message-id, in order with those behind them, until it is opened", async () => {
    await using server = await startNewsServer();
    const file = addFile(server);
    using gate = server.hold(file.idOf(2));
    await using client = await RawClient.greeted(server);
    client.send(`STAT <${file.idOf(1)}>\r\nSTAT <${file.idOf(2)}>\r\nSTAT <${file.idOf(3)}>\r\n`);
    expect(await client.line()).toContain(file.idOf(1));
    await gate.arrived();
    expect(gate.waiting).toBe(1);
    await until(() => server.counters.commands.STAT === 3);
    expect(client.buffered).toBe(0);
    gate.open();
    expect(await client.line()).toContain(file.idOf(2));
    expect(await client.line()).toContain(file.idOf(3));
    expect(gate.waiting).toBe(0);
  });

  test("counts arrivals on many connections, and lets later ones pass once it was opened", async () => {
    await using server = await startNewsServer();
    const file = addFile(server);
    const gate = server.hold(({ verb, connection }) => verb === "BODY" && connection !== 3);
    await using one = await RawClient.greeted(server);
    await using two = await RawClient.greeted(server);
    await using three = await RawClient.greeted(server);
    for (const client of [one, two, three]) client.send(`BODY <${file.idOf(1)}>\r\n`);
    expect(await three.line()).toMatch(/^222 /);
    await three.block();
    await gate.arrived(2);
    expect(gate.waiting).toBe(2);
    expect(server.counters.bodiesInFlight).toBe(2);
    expect(server.counters.bodiesInFlightMax).toBeGreaterThanOrEqual(2);
    gate.open();
    gate.open();
    for (const client of [one, two]) {
      expect(await client.line()).toMatch(/^222 /);
      expectBytes(decodeWire(await client.block()).bytes, CONTENT.read(0, 100_000));
      expect(await client.ask(`BODY <${file.idOf(1)}>`)).toMatch(/^222 /);
    }
    await gate.arrived(2);
    await until(() => server.counters.bodiesInFlight === 0);
  });

  test("may let half a body pass first: exactly that many bytes", async () => {
    await using server = await startNewsServer();
    const file = addFile(server);
    using gate = server.hold(file.idOf(1), { afterBytes: 40_000 });
    await using client = await RawClient.greeted(server);
    expect(await client.ask(`BODY <${file.idOf(1)}>`)).toMatch(/^222 /);
    await gate.arrived();
    await client.bytesBuffered(40_000);
    expect(client.buffered).toBe(40_000);
    expect(gate.waiting).toBe(1);
    gate.open();
    expectBytes(decodeWire(await client.block()).bytes, CONTENT.read(0, 100_000));
  });

  test("two gates hold one body twice, and an ARTICLE counts from its body too", async () => {
    await using server = await startNewsServer();
    const file = addFile(server);
    using late = server.hold(file.idOf(1), { afterBytes: 2_000 });
    using early = server.hold(file.idOf(1), { afterBytes: 0 });
    await using client = await RawClient.greeted(server);
    expect(await client.ask(`ARTICLE <${file.idOf(1)}>`)).toMatch(/^220 /);
    await early.arrived();
    const head = (server.store.find(file.idOf(1))?.head.length as number) + 2;
    await client.bytesBuffered(head);
    expect(client.buffered).toBe(head);
    early.open();
    await late.arrived();
    await client.bytesBuffered(head + 2_000);
    expect(client.buffered).toBe(head + 2_000);
    late.open();
    expectBytes(decodeWire((await client.block()).subarray(head)).bytes, CONTENT.read(0, 100_000));
  });

  test("holds the greeting as well", async () => {
    await using server = await startNewsServer();
    using gate = server.hold(({ verb }) => verb === "GREETING");
    await using client = RawClient.open(server);
    await gate.arrived();
    expect(client.buffered).toBe(0);
    gate.open();
    expect(await client.line()).toMatch(/^200 /);
  });

  test("whose match throws ends the connections it was asked about, and nothing else", async () => {
    await using server = await startNewsServer();
    const gate = server.hold(({ verb }) => {
      if (verb === "GREETING") throw new Error("a mistake in a test");
      return false;
    });
    await using client = RawClient.open(server);
    expect(await client.rest()).toHaveLength(0);
    gate.open();
    await using other = await RawClient.greeted(server);
    expect(await other.ask("DATE")).toMatch(/^111 /);
  });

  test("is left by a client that goes away, who is counted as cut only when its body had begun", async () => {
    await using server = await startNewsServer();
    const file = addFile(server);
    using whole = server.hold(file.idOf(1));
    using half = server.hold(file.idOf(2), { afterBytes: 1_000 });
    const one = await RawClient.greeted(server);
    const two = await RawClient.greeted(server);
    one.send(`BODY <${file.idOf(1)}>\r\n`);
    two.send(`BODY <${file.idOf(2)}>\r\n`);
    await whole.arrived();
    await half.arrived();
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    await until(() => server.counters.connectionsNow === 0);
    expect([whole.waiting, half.waiting, server.counters.bodiesInFlight, server.counters.bodiesCut]).toEqual([
      0, 0, 0, 1,
    ]);
    expect(server.counters.bytesOfCutBodies).toBe(`222 0 <${file.idOf(2)}>\r\n`.length + 1_000);
    expect(server.counters.bytesAfterClientClosed).toBe(0);
  });
});
