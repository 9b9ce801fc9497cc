import { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { catCommand } from "../../src/cli/cat.ts";
import { pour, startApiServer } from "./api-server.ts";

test("cat takes no more from the server than its reader takes from it", async () => {
  await using server = await startApiServer();
  const poured = pour(server, "/dav/film", 2048);

  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let received = 0;
  const stdout = new Writable({
    async write(chunk: Buffer, _, done) {
      await gate;
      received += chunk.length;
      done();
    },
  });
  const io = { env: {}, cwd: "/", stdin: process.stdin, stdout, stderr: stdout, signal: new AbortController().signal };
  const ended = catCommand.run(["/film", "--url", server.url, "--user", "me:secret"], io);

  // Until the server is stuck. Too short a wait can only let a defect pass, never fail the test.
  for (let before = -1; poured.bytes === 0 || poured.bytes !== before; ) {
    before = poured.bytes;
    await pause(100);
  }
  expect(poured.bytes).toBeLessThan(poured.total / 2);
  open();
  expect(await ended).toBe(0);
  expect(received).toBe(poured.total);
});
