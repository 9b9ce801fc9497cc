import { describe, expect, test } from "@jest/globals";
import { type NewsServer, startNewsServer } from "../../src/newsserver/news-server.ts";
import { until } from "../until.ts";
import { expectBytes } from "./expect-bytes.ts";
import { RawClient } from "./raw-client.ts";

const HEAD = "From: p <p@example.com>\r\nNewsgroups: alt.binaries.test\r\nSubject: =?UTF-8?Q?x?= \u00e9\r\n";
/** Leading dots, stuffed as on the wire, bytes of all kinds, and a terminator look-alike inside a line. */
const WIRE_BODY = Buffer.concat([
  Buffer.from("..\r\n...dots\r\nx\r.\r\ny\n.\r\n\r\n"),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 10 && byte !== 13)),
  Buffer.from("\r\n.\r\n"),
]);

async function post(client: RawClient, wire: Buffer, pieces = wire.length): Promise<string> {
  expect(await client.ask("POST")).toMatch(/^340 /);
  for (let at = 0; at < wire.length; at += pieces) {
    client.send(wire.subarray(at, at + pieces));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return client.line();
}

async function article(server: NewsServer, id: string): Promise<Buffer> {
  await using client = await RawClient.greeted(server);
  expect(await client.ask(`ARTICLE <${id}>`)).toMatch(/^220 /);
  return await client.block();
}

describe("POST", () => {
  test.each([1, 2, 3, 5, 7, 64, 100_000])(
    "an article sent in pieces of %i bytes is served byte for byte",
    async (pieces) => {
      await using server = await startNewsServer();
      await using client = await RawClient.greeted(server);
      client.socket.setNoDelay(true);
      const wire = Buffer.concat([Buffer.from(`${HEAD}Message-ID: <one@x>\r\n\r\n`), WIRE_BODY]);
      expect(await post(client, wire, pieces)).toMatch(/^240 /);
      expectBytes(await article(server, "one@x"), wire);
      expectBytes(await client.askBlock("BODY <one@x>"), WIRE_BODY);
      expect(await client.ask("STAT <one@x>")).toMatch(/^223 /);
    },
  );

  test("an article without Message-ID is given one, and the client is told", async () => {
    await using server = await startNewsServer();
    await using client = await RawClient.greeted(server);
    const reply = await post(client, Buffer.concat([Buffer.from(`${HEAD}\r\n`), WIRE_BODY]));
    const id = /^240 <([^>]+)> /.exec(reply)?.[1] as string;
    const served = await article(server, id);
    expect(served.toString()).toBe(
      Buffer.concat([Buffer.from(`Message-ID: <${id}>\r\n${HEAD}\r\n`), WIRE_BODY]).toString(),
    );
  });

  test("a large article arrives whole, and commands after it are answered", async () => {
    await using server = await startNewsServer();
    await using client = await RawClient.greeted(server);
    const line = `${"z".repeat(126)}\r\n`;
    const wire = Buffer.from(`${HEAD}Message-ID: <large@x>\r\n\r\n${line.repeat(30_000)}.\r\n`);
    await client.ask("POST");
    client.send(Buffer.concat([wire, Buffer.from("STAT <large@x>\r\n")]));
    expect(await client.line()).toMatch(/^240 /);
    expect(await client.line()).toMatch(/^223 /);
    expectBytes(await article(server, "large@x"), wire);
  });

  test("an article of more than 16 MiB is skipped and refused, and the session goes on", async () => {
    await using server = await startNewsServer();
    await using client = await RawClient.greeted(server);
    await client.ask("POST");
    client.send(`${HEAD}Message-ID: <huge@x>\r\n\r\n`);
    const block = Buffer.alloc(1024 * 1024, "y");
    for (let sent = 0; sent < 17; sent += 1) client.send(block);
    client.send("\r\n.\r\nSTAT <huge@x>\r\n");
    expect(await client.line()).toMatch(/^441 /);
    expect(await client.line()).toMatch(/^430 /);
  });

  test("a malformed or repeated article is 441", async () => {
    await using server = await startNewsServer();
    await using client = await RawClient.greeted(server);
    expect(await post(client, Buffer.from(".\r\n"))).toMatch(/^441 /);
    expect(await post(client, Buffer.from("Subject: no blank line\r\n.\r\n"))).toMatch(/^441 /);
    const good = Buffer.from(`${HEAD}Message-ID: <twice@x>\r\n\r\n.\r\n`);
    expect(await post(client, good)).toMatch(/^240 /);
    expect(await post(client, good)).toMatch(/^441 /);
    expect(server.counters.commands.POST).toBe(4);
  });

  test("a client that leaves in the middle of an article has posted nothing", async () => {
    await using server = await startNewsServer();
    {
      await using client = await RawClient.greeted(server);
      await client.ask("POST");
      client.send(`${HEAD}Message-ID: <half@x>\r\n\r\nhello\r\n.`);
    }
    await until(() => server.counters.connectionsNow === 0);
    await using client = await RawClient.greeted(server);
    expect(await client.ask("STAT <half@x>")).toMatch(/^430 /);
  });
});
