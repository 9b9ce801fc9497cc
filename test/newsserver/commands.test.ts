import { describe, expect, test } from "@jest/globals";
import { ArticleStore } from "../../src/newsserver/article-store.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import { startNewsServer } from "../../src/newsserver/news-server.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { expectBytes } from "./expect-bytes.ts";
import { RawClient } from "./raw-client.ts";
import { decodeWire } from "./yenc-oracle.ts";

const CREDENTIALS = { username: "ann", password: "open sesame  é" };

function storeWithFile() {
  const store = new ArticleStore();
  const content = patternContent(21, 9_000);
  const file = store.addFile({ name: "film.mkv", content, partSize: 3_000, idPrefix: "film" });
  return { store, content, file };
}

describe("articles by message-id", () => {
  test("STAT, HEAD, BODY and ARTICLE speak of the same article", async () => {
    const { store, content, file } = storeWithFile();
    await using server = await startNewsServer({ store });
    await using client = await RawClient.greeted(server);
    const id = file.idOf(2);
    expect(await client.ask(`STAT <${id}>`)).toBe(`223 0 <${id}>`);
    expect(await client.ask(`HEAD <${id}>`)).toBe(`221 0 <${id}>`);
    const head = (await client.block()).toString();
    expect(head).toContain(`Message-ID: <${id}>\r\n`);
    expect(head).toContain('Subject: "film.mkv" yEnc (2/3) 9000\r\n');
    expect(await client.ask(`body <${id}>`)).toBe(`222 0 <${id}>`);
    const body = await client.block();
    expectBytes(decodeWire(body).bytes, content.read(3_000, 3_000));
    expect(await client.ask(`ARTICLE <${id}>`)).toBe(`220 0 <${id}>`);
    const article = await client.block();
    expectBytes(article, Buffer.concat([Buffer.from(`${head.slice(0, -3)}\r\n`), body]));
  });

  test("an unknown one is 430, a number needs a group and is never there, nonsense is 501", async () => {
    await using server = await startNewsServer();
    await using client = await RawClient.greeted(server);
    for (const verb of ["STAT", "HEAD", "BODY", "ARTICLE"]) {
      expect(await client.ask(`${verb} <nothing@x>`)).toMatch(/^430 /);
      expect(await client.ask(`${verb} 5`)).toMatch(/^412 /);
      expect(await client.ask(verb)).toMatch(/^412 /);
      expect(await client.ask(`${verb} no-brackets@x`)).toMatch(/^501 /);
      expect(await client.ask(`${verb} <a@b> more`)).toMatch(/^501 /);
      expect(await client.ask(`${verb} <a<b@x>`)).toMatch(/^501 /);
    }
    expect(await client.ask("GROUP alt.binaries.test")).toBe("211 0 1 0 alt.binaries.test");
    expect(await client.ask("BODY 5")).toMatch(/^423 /);
    expect(await client.ask("BODY")).toMatch(/^420 /);
  });

  test("a dot at the start of a line is stuffed on the way out", async () => {
    await using server = await startNewsServer();
    const id = "dots@x" as Parameters<typeof server.store.addArticle>[0]["id"];
    server.store.addArticle({ id, body: Buffer.from(".\r\n..two\r\nplain.\r\n") });
    await using client = await RawClient.greeted(server);
    expect((await client.askBlock(`BODY <${id}>`)).toString()).toBe("..\r\n...two\r\nplain.\r\n.\r\n");
  });

  test("content that cannot be read is a fault of this article, not of the server", async () => {
    await using server = await startNewsServer();
    const read = () => {
      throw new Error("gone");
    };
    const file = server.store.addFile({ name: "f", content: { size: 10, read } });
    await using client = await RawClient.greeted(server);
    expect(await client.ask(`BODY <${file.idOf(1)}>`)).toMatch(/^403 /);
    expect(await client.ask("DATE")).toMatch(/^111 /);
  });
});

describe("other commands", () => {
  test("CAPABILITIES, MODE READER, LIST, GROUP, HELP and QUIT answer as RFC 3977 says", async () => {
    await using server = await startNewsServer();
    await using client = RawClient.open(server);
    expect(await client.line()).toMatch(/^200 /);
    expect(await client.ask("CAPABILITIES")).toMatch(/^101 /);
    const capabilities = (await client.block()).toString().split("\r\n");
    expect(capabilities[0]).toBe("VERSION 2");
    expect(capabilities).toEqual(expect.arrayContaining(["READER", "POST", "."]));
    expect(capabilities.join()).not.toContain("AUTHINFO");
    expect(await client.ask("MODE READER")).toMatch(/^200 /);
    expect(await client.ask("MODE STREAM")).toMatch(/^501 /);
    expect(await client.ask("LIST")).toMatch(/^215 /);
    expect((await client.block()).toString()).toBe("alt.binaries.test 0 1 y\r\n.\r\n");
    expect((await client.askBlock("LIST NEWSGROUPS")).toString()).toMatch(/^alt\.binaries\.test\t/);
    expect(await client.ask("LIST OVERVIEW.FMT")).toMatch(/^503 /);
    expect(await client.ask("GROUP alt.nothing")).toMatch(/^411 /);
    expect(await client.ask("GROUP")).toMatch(/^501 /);
    expect(await client.ask("HELP")).toMatch(/^100 /);
    expect((await client.block()).toString()).toContain("BODY\r\n");
    expect(await client.ask("QUIT")).toMatch(/^205 /);
    expect(await client.rest()).toHaveLength(0);
  });

  test("DATE tells the time in UTC", async () => {
    await using server = await startNewsServer({ clock: new ManualClock(Date.UTC(2026, 10, 21, 3, 4, 5)) });
    await using client = await RawClient.greeted(server);
    expect(await client.ask("DATE")).toBe("111 20261121030405");
  });

  test("unknown commands are 500, control characters 501, a line of more than 512 bytes 501, and the session goes on", async () => {
    await using server = await startNewsServer();
    await using client = await RawClient.greeted(server);
    expect(await client.ask("XOVER 1-5")).toMatch(/^500 /);
    expect(await client.ask("GREETING")).toMatch(/^500 /);
    expect(await client.ask("")).toMatch(/^500 /);
    expect(await client.ask("STAT <a\0b@x>")).toMatch(/^501 /);
    expect(await client.ask(`DATE${" ".repeat(506)}`)).toMatch(/^111 /);
    expect(await client.ask(`DATE${" ".repeat(507)}`)).toMatch(/^501 /);
    client.send("x".repeat(100_000));
    await until(() => client.socket.writableLength === 0);
    expect(await client.ask("DATE")).toMatch(/^501 /);
    expect(await client.ask("DATE")).toMatch(/^111 /);
  });

  test("posting that is not allowed is said in the greeting and at POST", async () => {
    await using server = await startNewsServer({ allowsPosting: false });
    await using client = RawClient.open(server);
    expect(await client.line()).toMatch(/^201 /);
    expect(await client.ask("MODE READER")).toMatch(/^201 /);
    expect(await client.ask("POST")).toMatch(/^440 /);
    expect((await client.askBlock("LIST ACTIVE")).toString()).toContain(" n\r\n");
    expect((await client.askBlock("CAPABILITIES")).toString()).not.toContain("POST");
  });
});

describe("pipelining", () => {
  test("commands in one packet are answered in order", async () => {
    const { store, content, file } = storeWithFile();
    await using server = await startNewsServer({ store });
    await using client = await RawClient.greeted(server);
    client.send(
      `BODY <${file.idOf(3)}>\r\nSTAT <no@x>\r\nDATE\r\nBODY <${file.idOf(1)}>\r\nSTAT <${file.idOf(2)}>\r\nQUIT\r\nDATE\r\n`,
    );
    expect(await client.line()).toBe(`222 0 <${file.idOf(3)}>`);
    expectBytes(decodeWire(await client.block()).bytes, content.read(6_000, 3_000));
    expect(await client.line()).toMatch(/^430 /);
    expect(await client.line()).toMatch(/^111 /);
    expect(await client.line()).toBe(`222 0 <${file.idOf(1)}>`);
    expectBytes(decodeWire(await client.block()).bytes, content.read(0, 3_000));
    expect(await client.line()).toMatch(/^223 /);
    expect(await client.line()).toMatch(/^205 /);
    expect(await client.rest()).toHaveLength(0);
  });

  test("a command may come byte by byte, and lines may end in a bare LF", async () => {
    const { store, file } = storeWithFile();
    await using server = await startNewsServer({ store });
    await using client = await RawClient.greeted(server);
    client.socket.setNoDelay(true);
    for (const byte of `STAT <${file.idOf(1)}>\r\nDATE\n`) {
      client.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.line()).toMatch(/^223 /);
    expect(await client.line()).toMatch(/^111 /);
  });

  test("5 000 commands at once are all answered, in order", async () => {
    const { store, file } = storeWithFile();
    await using server = await startNewsServer({ store });
    await using client = await RawClient.greeted(server);
    const ids = Array.from({ length: 5_000 }, (_, index) => (index % 7 === 0 ? file.idOf(1) : `no-${index}@x`));
    client.send(ids.map((id) => `STAT <${id}>\r\n`).join(""));
    for (const id of ids) expect(await client.line()).toContain(`<${id}>`);
    expect(server.counters.commands.STAT).toBe(5_000);
  });

  test("a client that closes its sending side still gets all replies", async () => {
    const { store, content, file } = storeWithFile();
    await using server = await startNewsServer({ store });
    await using client = await RawClient.greeted(server);
    client.socket.end(`BODY <${file.idOf(1)}>\r\nDATE\r\n`);
    await client.line();
    expectBytes(decodeWire(await client.block()).bytes, content.read(0, 3_000));
    expect((await client.rest()).toString()).toMatch(/^111 \d{14}\r\n$/);
  });
});

describe("logging in", () => {
  test("is asked for where there are credentials, and nothing is served before", async () => {
    const { store, file } = storeWithFile();
    await using server = await startNewsServer({ store, credentials: CREDENTIALS });
    await using client = await RawClient.greeted(server);
    for (const command of [
      `BODY <${file.idOf(1)}>`,
      `STAT <${file.idOf(1)}>`,
      "GROUP alt.binaries.test",
      "POST",
      "LIST",
    ]) {
      expect(await client.ask(command)).toMatch(/^480 /);
    }
    expect((await client.askBlock("CAPABILITIES")).toString()).toContain("AUTHINFO USER\r\n");
    expect(await client.ask("AUTHINFO PASS x")).toMatch(/^482 /);
    expect(await client.ask("AUTHINFO SASL PLAIN")).toMatch(/^501 /);
    expect(await client.ask("AUTHINFO USER")).toMatch(/^501 /);
    expect(await client.ask("AUTHINFO USER ann")).toMatch(/^381 /);
    expect(await client.ask("AUTHINFO PASS open sesame")).toMatch(/^481 /);
    expect(await client.ask("AUTHINFO PASS open sesame  é")).toMatch(/^482 /);
    expect(await client.ask("authinfo user ann")).toMatch(/^381 /);
    expect(await client.ask("authinfo pass open sesame  é")).toMatch(/^281 /);
    expect(await client.ask(`STAT <${file.idOf(1)}>`)).toMatch(/^223 /);
    expect(await client.ask("AUTHINFO USER ann")).toMatch(/^502 /);
    expect((await client.askBlock("CAPABILITIES")).toString()).not.toContain("AUTHINFO");
    expect(server.counters.loginsFailed).toBe(1);
  });

  test("is taken from anybody where there are none", async () => {
    await using server = await startNewsServer();
    await using client = await RawClient.greeted(server);
    expect(await client.ask("AUTHINFO USER x")).toMatch(/^381 /);
    expect(await client.ask("AUTHINFO PASS y")).toMatch(/^281 /);
  });

  test("is refused with the text that the behaviour says, and works again when it says so", async () => {
    await using server = await startNewsServer({ behaviour: { loginRefusal: "481 account expired" } });
    await using client = await RawClient.greeted(server);
    await client.ask("AUTHINFO USER x");
    expect(await client.ask("AUTHINFO PASS y")).toBe("481 account expired");
    server.behave({ loginRefusal: "502 blocked" });
    await client.ask("AUTHINFO USER x");
    expect(await client.ask("AUTHINFO PASS y")).toBe("502 blocked");
    expect(await client.rest()).toHaveLength(0);
    expect(server.counters.loginsFailed).toBe(2);
    server.behave({ loginRefusal: undefined });
    await using other = await RawClient.greeted(server);
    await other.ask("AUTHINFO USER x");
    expect(await other.ask("AUTHINFO PASS y")).toMatch(/^281 /);
  });
});
