/**
 * The ceiling: sockets, yEnc and CRC and nothing else, as a prototype would do it. No login, no retries, no timeouts, no cache, no order.
 * Beside it the product's own cost becomes visible as a ratio. GET /news waits until a run serves it; GET /memory?<bytes> is answered
 * from memory at once.
 */
import { createServer, type ServerResponse } from "node:http";
import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import { LINE_START } from "../src/yenc/kernel.ts";
import { loadKernel } from "../src/yenc/load-kernel.ts";
import { answerRequests } from "./child-side.ts";

export interface BareLoopArgument {
  readonly plainPort: number;
  readonly tlsPort: number;
  /** Size of the largest part. */
  readonly partSize: number;
}

export interface BareRun {
  readonly isTls: boolean;
  readonly connections: number;
  readonly depth: number;
  /** One file for each client. */
  readonly files: readonly { readonly bytes: number; readonly ids: readonly string[] }[];
  /** discard: decoded bytes go nowhere. http: to as many clients as there are files, who have asked for /news or will. */
  readonly output: "discard" | "http";
}

export interface BareResult {
  readonly bytes: number;
  readonly seconds: number;
}

interface Task {
  readonly id: string;
  readonly out: ServerResponse | undefined;
}

const { plainPort, tlsPort, partSize } = JSON.parse(process.argv[2] as string) as BareLoopArgument;
const kernel = loadKernel();
const receiveBuffer = Buffer.allocUnsafeSlow(64 * 1024);
const memory = Array.from({ length: 8 }, () => Buffer.alloc(partSize, 1));
const clients: ServerResponse[] = [];
let onClient = () => {};

const http = createServer((req, res) => {
  const [path, query] = (req.url ?? "").split("?");
  if (path === "/memory") {
    void sendMemory(res, Number(query));
    return;
  }
  clients.push(res);
  onClient();
});
await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));

answerRequests({
  ready: () => ({ httpPort: (http.address() as AddressInfo).port }),
  async run({ files, output, ...run }: BareRun): Promise<BareResult> {
    if (output === "http") await arrived(files.length);
    const outs = output === "http" ? clients.splice(0, files.length) : [];
    const queue: Task[] = [];
    for (const [client, out] of outs.entries()) out.writeHead(200, { "Content-Length": files[client]?.bytes });
    const longest = Math.max(...files.map(({ ids }) => ids.length));
    for (let at = 0; at < longest; at += 1) {
      for (const [client, { ids }] of files.entries()) {
        const id = ids[at];
        if (id !== undefined) queue.push({ id, out: outs[client] });
      }
    }
    const next = queue.values();
    const before = performance.now();
    const bytes = await Promise.all(Array.from({ length: run.connections }, () => fetchAll(next, run)));
    const seconds = (performance.now() - before) / 1000;
    for (const out of outs) out.end();
    return { bytes: bytes.reduce((a, b) => a + b, 0), seconds };
  },
});

async function arrived(count: number): Promise<void> {
  while (clients.length < count) {
    await new Promise<void>((resolve) => {
      onClient = resolve;
    });
  }
}

async function sendMemory(res: ServerResponse, bytes: number): Promise<void> {
  res.writeHead(200, { "Content-Length": bytes });
  for (let sent = 0, slot = 0; sent < bytes; slot += 1) {
    const chunk = (memory[slot % memory.length] as Buffer).subarray(0, bytes - sent);
    sent += chunk.length;
    await new Promise((resolve) => res.write(chunk, resolve));
  }
  res.end();
}

/** One connection that takes tasks until there are none; resolves with the decoded bytes. */
function fetchAll(tasks: Iterator<Task>, { isTls, depth }: Pick<BareRun, "isTls" | "depth">): Promise<number> {
  return new Promise((resolve, reject) => {
    const slots = Array.from({ length: depth + 2 }, () => Buffer.allocUnsafeSlow(partSize + 128 * 1024));
    const cursor = {
      source: receiveBuffer,
      read: 0,
      readEnd: 0,
      target: slots[0] as Buffer,
      written: 0,
      state: LINE_START,
    };
    const asked: Task[] = [];
    let line = "";
    let mode: "line" | "data" = "line";
    let total = 0;
    let slot = 0;
    const ask = () => {
      const task = tasks.next();
      if (task.done) return;
      asked.push(task.value);
      socket.write(`BODY <${task.value.id}>\r\n`);
    };
    const finish = () => {
      const part = cursor.target.subarray(0, cursor.written);
      kernel.crc32(part);
      total += cursor.written;
      asked.shift()?.out?.write(part);
      slot = (slot + 1) % slots.length;
      cursor.target = slots[slot] as Buffer;
      cursor.written = 0;
      ask();
      if (asked.length === 0) {
        socket.destroy();
        resolve(total);
      }
    };
    const onLine = () => {
      if (line.startsWith("200 ")) {
        for (let n = 0; n < depth; n += 1) ask();
        if (asked.length === 0) {
          socket.destroy();
          resolve(0);
        }
      } else if (line === ".") finish();
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
      ? tls.connect({ ...options, port: tlsPort, rejectUnauthorized: false } as tls.ConnectionOptions)
      : net.connect({ ...options, port: plainPort });
    socket.on("error", reject);
  });
}
