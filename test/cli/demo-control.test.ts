import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { type Chaos, DEFAULT_CHAOS } from "../../src/cli/demo-chaos.ts";
import { changeRunningDemo, serveChaos } from "../../src/cli/demo-control.ts";

describe("a running demo", () => {
  let chaos: Chaos = DEFAULT_CHAOS;
  const handle = serveChaos(
    () => chaos,
    (to) => {
      chaos = { ...chaos, ...to };
      return chaos;
    },
  );
  const server = createServer((req, res) => {
    if (!handle(req, res)) res.writeHead(404).end();
  });
  const port = () => (server.address() as AddressInfo).port;
  const { signal } = new AbortController();

  beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve())));
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));
  beforeEach(() => {
    chaos = DEFAULT_CHAOS;
  });

  test("changes what is named, and nothing else", async () => {
    expect(await changeRunningDemo(port(), { rtt: 5, missing: 10 }, signal)).toEqual({
      ...DEFAULT_CHAOS,
      rtt: 5,
      missing: 10,
    });
  });

  test("is not changed by a page from elsewhere", async () => {
    const headers = { Origin: "http://elsewhere.example" };
    await fetch(`http://127.0.0.1:${port()}/demo/chaos?missing=100`, { method: "POST", headers });
    expect(chaos).toEqual(DEFAULT_CHAOS);
  });

  test("says what is wrong with a value", async () => {
    const answer = await fetch(`http://127.0.0.1:${port()}/demo/chaos?missing=200`, { method: "POST" });
    expect({ status: answer.status, text: await answer.text() }).toEqual({
      status: 400,
      text: '--missing takes 0 to 100 percent, not "200"\n',
    });
  });

  test.each(["//", "http://[", "*", "/%zz", "//demo/chaos"])(
    "leaves the request target %s to others",
    async (target) => {
      const status = await new Promise<string>((resolve, reject) => {
        const socket = connect(port(), "127.0.0.1", () =>
          socket.write(`OPTIONS ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
        );
        socket.once("data", (data) => resolve(data.toString("latin1").split("\r\n", 1)[0] as string));
        socket.once("error", reject);
      });
      expect(status).toBe("HTTP/1.1 404 Not Found");
    },
  );

  test("that is not there is no demo", async () => {
    expect(await changeRunningDemo(0, {}, signal)).toBeUndefined();
  });
});
