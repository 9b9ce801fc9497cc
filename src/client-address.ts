import type { IncomingMessage } from "node:http";
import { readForwarding } from "./forwarding.ts";

/**
 * Finds out where a request comes from: its peer, or, when that is a trusted proxy, the last address in X-Forwarded-For (or
 * Forwarded) that is none. `trusted` are addresses or CIDR blocks.
 */
export function clientAddress(trusted: readonly string[]): (req: IncomingMessage) => string {
  const forwardingOf = readForwarding(trusted);
  return (req) => forwardingOf(req).address;
}
