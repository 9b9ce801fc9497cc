import type { Cancel } from "../base/seekable-file.ts";
import type { Exchange } from "./exchange.ts";

/** Aborts when the client goes, and when it is disposed of: whatever still waits then waits for nobody. */
export function whileConnected({ socket }: Pick<Exchange, "socket">): Cancel & Disposable {
  const controller = new AbortController();
  const leave = () => controller.abort();
  socket.once("close", leave);
  if (socket.destroyed) leave();
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      socket.off("close", leave);
      leave();
    },
  };
}
