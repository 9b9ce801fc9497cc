import { type AddressInfo, createServer, type Socket } from "node:net";

export interface ScriptServer extends AsyncDisposable {
  readonly port: number;
  /** Every command line that came, in order. */
  readonly commands: readonly string[];
  /** Connections accepted so far. */
  readonly connectionsEver: number;
}

/** A server that greets, and whose every further word the test decides. */
export async function startScript(
  answer: (line: string, socket: Socket) => void,
  greet: (socket: Socket) => void = (socket) => socket.write("200 ready\r\n"),
): Promise<ScriptServer> {
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  let connectionsEver = 0;
  const server = createServer((socket) => {
    connectionsEver += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    let rest = "";
    socket.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString("latin1")).split("\r\n");
      rest = lines.pop() as string;
      for (const line of lines) {
        commands.push(line);
        answer(line, socket);
      }
    });
    greet(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    commands,
    get connectionsEver() {
      return connectionsEver;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
