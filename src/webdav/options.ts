import { ALL_METHODS } from "./allow.ts";
import { sendAnswer } from "./answer.ts";
import type { Dav, Exchange } from "./exchange.ts";

/** OPTIONS: RFC 4918 section 10.1. The same everywhere, since Windows asks at the root. */
export function handleOptions(dav: Dav, exchange: Exchange): Promise<void> {
  const headers = { DAV: "1, 2, 3", "MS-Author-Via": "DAV", Allow: ALL_METHODS };
  return sendAnswer(exchange, { status: 200, headers }, dav);
}
