/**
 * The ceiling: sockets, yEnc and CRC and nothing else, as a prototype would do it. No retries, no timeouts, no cache, no order.
 * Beside it the product's own cost becomes visible as a ratio.
 */
import { createServer, type ServerResponse } from "node:http";
import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import { LINE_START } from "../src/yenc/kernel.ts";
import { loadKernel } from "../src/yenc/load-kernel.ts";

export interface BareLoopArgument {
  readonly ids: readonly string[];
  readonly plainPort: number;
  readonly tlsPort: number;
  readonly partSize: number;
}

export interface BareRun {
  readonly isTls: boolean;
  readonly connections: number;
  readonly depth: number;
  /** discard: decoded bytes go nowhere. http: to whoever GETs from `httpPort`. */
  readonly output: "discard" | "http";
}

const argument = JSON.parse(process.argv[2] as string) as BareLoopArgument;
const kernel = loadKernel();
const receiveBuffer = Buffer.allocUnsafeSlow(64 * 1024);
let response: ServerResponse | undefined;
let onResponse: (() => void) | undefined;

const http = createServer((_req, res) => {
  response = res;
  res.writeHead(200);
  onResponse?.();
});
http.listen(0, "127.0.0.1", () => process.send?.({ httpPort: (http.address() as AddressInfo).port }));

process.on("message", async (run: BareRun) => {
  if (run.output === "http" && response === undefined) {
    await new Promise<void>((resolve) => {
      onResponse = resolve;
    });
  }
  const out = run.output === "http" ? response : undefined;
  const queue = [...argument.ids];
  const before = performance.now();
  const bytes = await Promise.all(Array.from({ length: run.connections }, () => fetchAll(queue, run, out)));
  const seconds = (performance.now() - before) / 1000;
  out?.end();
  response = undefined;
  process.send?.({ bytes: bytes.reduce((a, b) => a + b, 0), seconds });
});

/** One connection that takes ids from the queue until it is empty; resolves with the decoded bytes. */
function fetchAll(queue: string[], { isTls, depth }: BareRun, out: ServerResponse | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const slots = Array.from({ length: depth + 2 }, () => Buffer.allocUnsafeSlow(argument.partSize + 128 * 1024));
    const cursor = {
      source: receiveBuffer,
      read: 0,
      readEnd: 0,
      target: slots[0] as Buffer,
      written: 0,
      state: LINE_START,
    };
    let line = "";
    let mode: "line" | "data" = "line";
    let underWay = 0;
    let total = 0;
    let slot = 0;
    const ask = () => {
      const id = queue.pop();
      if (id === undefined) return;
      underWay += 1;
      socket.write(`BODY <${id}>\r\n`);
    };
    const finish = () => {
      kernel.crc32(cursor.target.subarray(0, cursor.written));
      total += cursor.written;
      out?.write(cursor.target.subarray(0, cursor.written));
      slot = (slot + 1) % slots.length;
      cursor.target = slots[slot] as Buffer;
      cursor.written = 0;
      underWay -= 1;
      ask();
      if (underWay === 0) {
        socket.destroy();
        resolve(total);
      }
    };
    const onLine = () => {
      if (line.startsWith("200 ")) for (let n = 0; n < depth; n += 1) ask();
      else if (line === ".") finish();
      else if (line.startsWith("=ypart")) {
        mode = "data";
        cursor.state = LINE_START;
      } else if (/^[45]/.test(line)) reject(new Error(line));
      line = "";
    };
    const callback = (count: number): boolean => {
      let at = 0;
      while (at < count) {
        if (mode === "line") {
          const end = receiveBuffer.indexOf(10, at);
          const stop = end < 0 || end >= count ? count : end + 1;
          line += receiveBuffer.toString("latin1", at, stop);
          at = stop;
          if (!line.endsWith("\n")) continue;
          line = line.trimEnd();
          onLine();
        } else {
          cursor.read = at;
          cursor.readEnd = count;
          if (kernel.decode(cursor) === "control") mode = "line";
          at = cursor.read;
        }
      }
      return true;
    };
    const options = { host: "127.0.0.1", onread: { buffer: receiveBuffer, callback } };
    const socket = isTls
      ? tls.connect({ ...options, port: argument.tlsPort, rejectUnauthorized: false } as tls.ConnectionOptions)
      : net.connect({ ...options, port: argument.plainPort });
    socket.on("error", reject);
  });
}

// Whoever started this is gone: nobody would stop it any more.
process.on("disconnect", () => process.exit());
