import type { IncomingMessage } from "node:http";
import type { AuthFailure, Identity } from "../auth/identity.ts";
import { RequestError } from "../base/errors.ts";
import type { Route } from "./route.ts";

/** Says who sent a request, or what to answer instead; may throw an AppError, which is the answer then. */
export type Authorize = (req: IncomingMessage) => Promise<Identity | AuthFailure>;

/** A request without a login that counts: UNAUTHORIZED with the challenges, or TOO_MANY_LOGINS with the time to wait. */
export class LoginRefused extends RequestError {
  readonly headers: AuthFailure["headers"];

  constructor({ status, headers, message }: AuthFailure) {
    if (status === 429) super("TOO_MANY_LOGINS", message, { hint: "wait as long as Retry-After says" });
    else {
      super("UNAUTHORIZED", "this call needs the API key or a login", {
        hint: "send the key as X-Api-Key or ?apikey=, or log in with user and password",
      });
    }
    this.headers = headers;
  }
}

/** Throws LoginRefused or FORBIDDEN when this caller may not make this call; nobody is asked for a login where none is required. */
export function requireAccess(
  { access, method }: Pick<Route, "access" | "method">,
  caller: Identity | AuthFailure,
): void {
  if (access === "none" || access === "optional") return;
  if (!("user" in caller)) throw new LoginRefused(caller);
  if (access === "owner" && caller.via === "app-password") {
    throw new RequestError("FORBIDDEN", "an app password cannot be used for this call", {
      hint: "log in with the owner's password, or send the API key",
    });
  }
  if (method !== "GET" && !caller.mayWrite) {
    throw new RequestError("FORBIDDEN", "this login may only read", { hint: "log in with a password that may write" });
  }
}
