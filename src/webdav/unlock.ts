import { RequestError } from "../base/errors.ts";
import { sendAnswer } from "./answer.ts";
import type { Dav, Exchange } from "./exchange.ts";
import { UnmetCondition } from "./precondition.ts";

/** UNLOCK: RFC 4918 section 9.11. Ends the whole lock, wherever in its scope the target is. */
export async function handleUnlock(dav: Dav, exchange: Exchange): Promise<void> {
  const { req, path, client } = exchange;
  const token = /^<([^<>]+)>$/.exec(String(req.headers["lock-token"] ?? "").trim())?.[1];
  if (token === undefined) throw new RequestError("BAD_REQUEST", "Lock-Token must be a token in angle brackets");
  const lock = dav.locks.covering(path).find((one) => one.token === token);
  if (lock === undefined) {
    throw new UnmetCondition("CONFLICT", "lock-token-matches-request-uri", {
      message: "this is not under the lock that Lock-Token names",
    });
  }
  if (lock.user !== client.user) throw new RequestError("FORBIDDEN", "the lock is somebody else's");
  dav.locks.release(lock);
  return sendAnswer(exchange, { status: 204 }, dav);
}
