import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { hardenedServerOptions, hardenServer } from "../../src/webdav/server-limits.ts";
import { RawClient, requestText } from "./raw-client.ts";

async function connectTo(handler: RequestListener) {
  const server = createServer(hardenedServerOptions, handler);
  hardenServer(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = await RawClient.open((server.address() as AddressInfo).port);
  return {
    server,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const EXPECTING = requestText("POST", "/", { Expect: "100-continue", "Content-Length": "5" });

describe("a hardened server", () => {
  test("keeps idle connections longer than clients do, and lets players pause for ever", async () => {
    await using at = await connectTo(() => {});
    const { keepAliveTimeout, headersTimeout, timeout, maxConnections } = at.server;
    expect({ keepAliveTimeout, headersTimeout, timeout }).toEqual({
      keepAliveTimeout: 75_000,
      headersTimeout: 15_000,
      timeout: 0,
    });
    expect(maxConnections).toBeGreaterThan(0);
  });

  test.each<[string, RequestListener]>([
    [
      "loops over it",
      async (req, res) => {
        let text = "";
        for await (const chunk of req) text += chunk;
        res.end(text);
      },
    ],
    ["pipes it", (req, res) => req.pipe(res.writeHead(200, { "Content-Length": 5 }))],
    [
      "listens to it",
      (req, res) => {
        let text = "";
        req.on("data", (chunk) => {
          text += chunk;
        });
        req.on("end", () => res.end(text));
      },
    ],
  ])("continues an expected body when the handler %s", async (how, handler) => {
    await using at = await connectTo(handler);
    at.client.send(EXPECTING);
    // A header that is out already says go on by itself.
    if (how !== "pipes it") expect((await at.client.response()).status).toBe(100);
    at.client.send("hello");
    const { status, body } = await at.client.response();
    expect([status, body.toString()]).toEqual([200, "hello"]);
  });

  test("continues nothing that the handler does not read", async () => {
    await using at = await connectTo((_, res) => res.writeHead(403, { "Content-Length": 0 }).end());
    at.client.send(EXPECTING);
    expect((await at.client.response()).status).toBe(403);
  });

  test("refuses other expectations", async () => {
    await using at = await connectTo((_, res) => res.end());
    at.client.send(requestText("GET", "/", { Expect: "wonders" }));
    expect((await at.client.response()).status).toBe(417);
  });

  test("answers what it cannot parse on a connection that was used before", async () => {
    await using at = await connectTo((_, res) => res.writeHead(200, { "Content-Length": 0 }).end());
    at.client.send(requestText("GET", "/"));
    expect((await at.client.response()).status).toBe(200);
    at.client.send("junk\r\n\r\n");
    const { status, headers } = await at.client.response();
    expect([status, headers["connection"]]).toEqual([400, "close"]);
    await at.client.closed;
  });
});
