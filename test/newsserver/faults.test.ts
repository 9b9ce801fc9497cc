import { describe, expect, test } from "@jest/globals";
import type { MessageId } from "../../src/base/message-id.ts";
import { ArticleStore } from "../../src/newsserver/article-store.ts";
import { ARTICLE_FAULTS, type ArticleFault, faultOf, GOOD_BEHAVIOUR } from "../../src/newsserver/behaviour.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import { type NewsServer, startNewsServer } from "../../src/newsserver/news-server.ts";
import { until } from "../until.ts";
import { expectBytes } from "./expect-bytes.ts";
import { RawClient } from "./raw-client.ts";
import { decodeWire } from "./yenc-oracle.ts";

const CONTENT = patternContent(5, 25_000);

interface Scene {
  readonly server: NewsServer;
  readonly client: RawClient;
  /** The second of three parts, which has the fault. */
  readonly id: MessageId;
  /** The whole intact reply to BODY. */
  readonly intact: Buffer;
}

const tried = new Set<ArticleFault>();

async function withFault(fault: ArticleFault, act: (scene: Scene) => Promise<void>): Promise<void> {
  tried.add(fault);
  const store = new ArticleStore();
  const file = store.addFile({ name: "f", content: CONTENT, partSize: 10_000 });
  const id = file.idOf(2);
  await using server = await startNewsServer({ store, behaviour: { faults: new Map([[id, fault]]) } });
  await using client = await RawClient.greeted(server);
  await act({ server, client, id, intact: store.find(id)?.bodyReply as Buffer });
}

async function expectNextCommandAnswered(client: RawClient): Promise<void> {
  expect(await client.ask("DATE")).toMatch(/^111 /);
}

describe("each fault of an article", () => {
  test("missing: 430 to every command", () =>
    withFault("missing", async ({ client, id }) => {
      for (const verb of ["STAT", "HEAD", "BODY", "ARTICLE"])
        expect(await client.ask(`${verb} <${id}>`)).toMatch(/^430 /);
    }));

  test("bodyMissing: STAT says yes, BODY says no", () =>
    withFault("bodyMissing", async ({ client, id }) => {
      expect(await client.ask(`STAT <${id}>`)).toMatch(/^223 /);
      expect(await client.ask(`BODY <${id}>`)).toMatch(/^430 /);
    }));

  test("cancelled: 451 in one line", () =>
    withFault("cancelled", async ({ client, id }) => {
      expect(await client.ask(`STAT <${id}>`)).toBe(`451 0 <${id}> cancelled`);
      expect(await client.ask(`BODY <${id}>`)).toBe(`451 0 <${id}> cancelled`);
    }));

  test("corrupt: one byte differs, the size is right, the checksum is not", () =>
    withFault("corrupt", async ({ client, id }) => {
      const { bytes, isChecksumRight } = decodeWire(await client.askBlock(`BODY <${id}>`));
      const truth = CONTENT.read(10_000, 10_000);
      expect(bytes.filter((byte, at) => byte !== truth[at])).toHaveLength(1);
      expect(bytes).toHaveLength(10_000);
      expect(isChecksumRight).toBe(false);
      await expectNextCommandAnswered(client);
    }));

  test("stall: half of the body, then nothing, until the client leaves", () =>
    withFault("stall", async ({ server, client, id, intact }) => {
      expect(await client.ask(`BODY <${id}>`)).toMatch(/^222 /);
      const half = Math.floor((intact.length - `222 0 <${id}>\r\n`.length) / 2);
      await client.bytesBuffered(half);
      client.send("DATE\r\n");
      await until(() => server.counters.commands.DATE === 1);
      expect(client.buffered).toBe(half);
      expect(server.counters.bodiesInFlight).toBe(1);
      client.socket.destroy();
      await until(() => server.counters.bodiesInFlight === 0 && server.counters.connectionsNow === 0);
      expect(server.counters.bodiesCut).toBe(1);
      expect(server.counters.bytesOfCutBodies).toBe(`222 0 <${id}>\r\n`.length + half);
    }));

  test("truncate: terminated, without =yend, about half of the bytes, all of them right", () =>
    withFault("truncate", async ({ client, id }) => {
      const { bytes, trailer, part } = decodeWire(await client.askBlock(`BODY <${id}>`));
      expect(trailer).toEqual({});
      expect(part).toEqual({ begin: "10001", end: "20000" });
      expect(bytes.length).toBeGreaterThan(4_500);
      expect(bytes.length).toBeLessThan(5_500);
      expectBytes(bytes, CONTENT.read(10_000, bytes.length));
      await expectNextCommandAnswered(client);
    }));

  test("closeMidBody: half of the body, then the end of the connection", () =>
    withFault("closeMidBody", async ({ client, id, intact }) => {
      expect(await client.ask(`BODY <${id}>`)).toMatch(/^222 /);
      const bodyStart = intact.indexOf("\r\n") + 2;
      const half = intact.subarray(bodyStart, bodyStart + Math.floor((intact.length - bodyStart) / 2));
      expectBytes(await client.rest(), half);
    }));

  test("overlong: twice the bytes that header and trailer say", () =>
    withFault("overlong", async ({ client, id }) => {
      const { bytes, trailer } = decodeWire(await client.askBlock(`BODY <${id}>`));
      const truth = CONTENT.read(10_000, 10_000);
      expectBytes(bytes, Buffer.concat([truth, truth]));
      expect(trailer["size"]).toBe("10000");
      await expectNextCommandAnswered(client);
    }));

  test("wrongBegin: the place of the following part, with right bytes and checksum", () =>
    withFault("wrongBegin", async ({ client, id }) => {
      const { bytes, part, isChecksumRight } = decodeWire(await client.askBlock(`BODY <${id}>`));
      expect(part).toEqual({ begin: "20001", end: "30000" });
      expectBytes(bytes, CONTENT.read(10_000, 10_000));
      expect(isChecksumRight).toBe(true);
      await expectNextCommandAnswered(client);
    }));

  test("wrongBegin: a single part pretends to be the second of two", async () => {
    await using server = await startNewsServer({ behaviour: { faults: () => "wrongBegin" } });
    const file = server.store.addFile({ name: "s", content: patternContent(1, 700) });
    await using client = await RawClient.greeted(server);
    const { bytes, header, part, isChecksumRight } = decodeWire(await client.askBlock(`BODY <${file.idOf(1)}>`));
    expect(header).toMatchObject({ part: "2", total: "2", name: "s" });
    expect(part).toEqual({ begin: "701", end: "1400" });
    expectBytes(bytes, patternContent(1, 700).read(0, 700));
    expect(isChecksumRight).toBe(true);
  });

  test("headInsteadOfBody: 221 and the headers to a BODY", () =>
    withFault("headInsteadOfBody", async ({ client, id }) => {
      expect(await client.ask(`BODY <${id}>`)).toBe(`221 0 <${id}>`);
      expect((await client.block()).toString()).toMatch(/^Path: [\s\S]*Message-ID: .*\r\n\.\r\n$/);
      await expectNextCommandAnswered(client);
    }));

  test("commaInStatus: a comma after the code, the body intact", () =>
    withFault("commaInStatus", async ({ client, id }) => {
      expect(await client.ask(`STAT <${id}>`)).toBe(`223, 0 <${id}>`);
      expect(await client.ask(`BODY <${id}>`)).toBe(`222, 0 <${id}>`);
      expectBytes(decodeWire(await client.block()).bytes, CONTENT.read(10_000, 10_000));
    }));

  test("garbageStatus: a line without a code", () =>
    withFault("garbageStatus", async ({ client, id }) => {
      expect(await client.ask(`BODY <${id}>`)).not.toMatch(/^\d/);
      await expectNextCommandAnswered(client);
    }));

  test("longStatus: more than 10 KB of status line, the body intact", () =>
    withFault("longStatus", async ({ client, id }) => {
      const status = await client.ask(`BODY <${id}>`);
      expect(status.length).toBeGreaterThan(10_240);
      expect(status.startsWith(`222 0 <${id}> `)).toBe(true);
      expectBytes(decodeWire(await client.block()).bytes, CONTENT.read(10_000, 10_000));
    }));

  test("statUnsupported: 500 to STAT, BODY intact", () =>
    withFault("statUnsupported", async ({ client, id }) => {
      expect(await client.ask(`STAT <${id}>`)).toMatch(/^500 /);
      expect(await client.ask(`BODY <${id}>`)).toMatch(/^222 /);
      expect(decodeWire(await client.block()).isChecksumRight).toBe(true);
    }));

  test("closeInsteadOfReply: the connection ends without a word", () =>
    withFault("closeInsteadOfReply", async ({ client, id }) => {
      client.send(`BODY <${id}>\r\nDATE\r\n`);
      expect(await client.rest()).toHaveLength(0);
    }));

  test("hangInsteadOfReply: not a word, until the client leaves", () =>
    withFault("hangInsteadOfReply", async ({ server, client, id }) => {
      client.send(`BODY <${id}>\r\nDATE\r\n`);
      await until(() => server.counters.commands.DATE === 1);
      expect(client.buffered).toBe(0);
      client.socket.destroy();
      await until(() => server.counters.connectionsNow === 0);
      expect(server.counters.bodiesInFlight).toBe(0);
      expect(server.counters.bodiesCut).toBe(0);
    }));

  test("every other article is intact", () =>
    withFault("corrupt", async ({ server, client }) => {
      const id = [...(server.behaviour.faults as ReadonlyMap<string, ArticleFault>)][0]?.[0] as string;
      for (const [part, start, size] of [
        [1, 0, 10_000],
        [3, 20_000, 5_000],
      ] as const) {
        const { bytes, isChecksumRight } = decodeWire(
          await client.askBlock(`BODY <${id.replace("-2@", `-${part}@`)}>`),
        );
        expectBytes(bytes, CONTENT.read(start, size));
        expect(isChecksumRight).toBe(true);
      }
    }));

  test("bodies of one line and of no line can be spoiled too", async () => {
    await using server = await startNewsServer();
    const small = server.store.addFile({ name: "small", content: patternContent(1, 5) });
    const empty = server.store.addFile({ name: "empty", content: patternContent(1, 0) });
    const text = "text@x" as MessageId;
    server.store.addArticle({ id: text, body: Buffer.from("no yEnc\r\n") });
    await using client = await RawClient.greeted(server);
    for (const fault of ["corrupt", "truncate", "overlong", "wrongBegin"] as const) {
      server.behave({ faults: () => fault });
      for (const id of [small.idOf(1), empty.idOf(1), text]) {
        const wire = await client.askBlock(`BODY <${id}>`);
        expect(wire.subarray(-3).toString()).toBe(".\r\n");
        await expectNextCommandAnswered(client);
      }
    }
  });
});

test("every fault of the union was tried above", () => {
  expect([...tried].sort()).toEqual([...ARTICLE_FAULTS].sort());
});

describe("which article has a fault", () => {
  const ids = Array.from({ length: 2_000 }, (_, index) => `part-${index}@newsreel.example` as MessageId);
  const hit = (behaviour: Partial<typeof GOOD_BEHAVIOUR>, fault: ArticleFault) =>
    new Set(ids.filter((id) => faultOf({ ...GOOD_BEHAVIOUR, ...behaviour }, id, 0) === fault));

  test("is decided by seed and message-id: repeatable, in the share asked for, and another set for another seed", () => {
    for (const fraction of [0.01, 0.1, 0.5]) {
      const set = hit({ fractions: { missing: fraction } }, "missing");
      expect(set).toEqual(hit({ fractions: { missing: fraction } }, "missing"));
      expect(Math.abs(set.size / ids.length - fraction)).toBeLessThan(0.03);
      expect(set.size).toBeGreaterThan(0);
      expect(set).not.toEqual(hit({ fractions: { missing: fraction }, seed: 2 }, "missing"));
    }
    expect(hit({ fractions: { missing: 1 } }, "missing").size).toBe(ids.length);
    expect(hit({ fractions: { missing: 0 } }, "missing").size).toBe(0);
  });

  test("a larger share contains the smaller one, and another fault's share takes nothing from an earlier one", () => {
    const small = hit({ fractions: { missing: 0.05 } }, "missing");
    const large = hit({ fractions: { missing: 0.2, corrupt: 0.5 } }, "missing");
    for (const id of small) expect(large).toContain(id);
    const corrupt = hit({ fractions: { missing: 0.2, corrupt: 0.5 } }, "corrupt");
    expect(Math.abs(corrupt.size / ids.length - 0.4)).toBeLessThan(0.05);
  });

  test("a choice may depend on how often the body was asked for", async () => {
    const asked: number[] = [];
    const faults = (_id: MessageId, timesAsked: number): ArticleFault | undefined => {
      asked.push(timesAsked);
      return timesAsked === 0 ? "missing" : undefined;
    };
    await using server = await startNewsServer({ behaviour: { faults } });
    const file = server.store.addFile({ name: "f", content: CONTENT });
    await using client = await RawClient.greeted(server);
    expect(await client.ask(`BODY <${file.idOf(1)}>`)).toMatch(/^430 /);
    expect(await client.ask(`STAT <${file.idOf(1)}>`)).toMatch(/^223 /);
    expect(await client.ask(`BODY <${file.idOf(1)}>`)).toMatch(/^222 /);
    expect(asked).toEqual([0, 1, 1]);
  });

  test("a choice that throws ends that connection and nothing else", async () => {
    await using server = await startNewsServer();
    server.behave({
      faults: () => {
        throw new Error("a mistake in a test");
      },
    });
    await using client = await RawClient.greeted(server);
    client.send("BODY <a@x>\r\n");
    expect(await client.rest()).toHaveLength(0);
    server.behave({ faults: new Map() });
    await using other = await RawClient.greeted(server);
    expect(await other.ask("BODY <a@x>")).toMatch(/^430 /);
  });
});

describe("faults of connections", () => {
  test("hangBeforeGreeting: nothing is said, not even in reply", async () => {
    await using server = await startNewsServer({ behaviour: { greetingFault: "hangBeforeGreeting" } });
    await using client = RawClient.open(server);
    client.send("DATE\r\n");
    await until(() => server.counters.commands.DATE === 1);
    expect(client.buffered).toBe(0);
    expect(server.counters.commands.GREETING).toBe(0);
    expect(server.counters.bytesSent).toBe(0);
    server.behave({ greetingFault: undefined });
    await using other = RawClient.open(server);
    expect(await other.line()).toMatch(/^200 /);
  });

  test("closeBeforeGreeting: the connection ends without a word", async () => {
    await using server = await startNewsServer({ behaviour: { greetingFault: "closeBeforeGreeting" } });
    await using client = RawClient.open(server);
    expect(await client.rest()).toHaveLength(0);
  });

  test("unsupported commands are 500", async () => {
    await using server = await startNewsServer({ behaviour: { unsupported: ["STAT", "DATE", "CAPABILITIES"] } });
    await using client = await RawClient.greeted(server);
    for (const command of ["STAT <a@x>", "DATE", "CAPABILITIES"]) expect(await client.ask(command)).toMatch(/^500 /);
    expect(await client.ask("BODY <a@x>")).toMatch(/^430 /);
  });
});
