import type { IncomingMessage } from "node:http";
import type { AuthFailure, Identity } from "../auth/identity.ts";
import { RequestError } from "../base/errors.ts";
import type { SabMode } from "./mode.ts";
import type { Params } from "./params.ts";
import { KEY_MISSING, KEY_WRONG } from "./refusal.ts";

/** What a client has put into its call. */
export type SabLogin = { readonly apiKey: string } | { readonly user: string; readonly password: string };

/**
 * Says whose key or login this is, or what is wrong with it. Nothing else of the request counts: a browser that remembers a login must not
 * lend it to other sites' pages, which can make it send any of these calls.
 */
export type SabAuthorize = (login: SabLogin, req: IncomingMessage) => Promise<Identity | AuthFailure>;

/** A call without a key or login that counts. `headers`: when to try again. */
export class AccessRefused extends RequestError {
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: "UNAUTHORIZED" | "TOO_MANY_LOGINS" | "FORBIDDEN",
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, message);
    this.headers = headers;
  }
}

/** Throws AccessRefused unless the call has a key or login that may ask for this; `mode` is undefined for what there is not. */
export async function requireAccess(
  { authorize, req }: { readonly authorize: SabAuthorize; readonly req: IncomingMessage },
  mode: Pick<SabMode, "access"> | undefined,
  params: Params,
): Promise<void> {
  const access = mode?.access ?? "read";
  if (access === "none") return;
  const login = loginIn(params);
  if (login === undefined) throw new AccessRefused("UNAUTHORIZED", KEY_MISSING);
  const caller = await authorize(login, req);
  if (!("user" in caller)) throw refusal(caller, login);
  if (access === "write" && !caller.mayWrite) {
    throw new AccessRefused("FORBIDDEN", "Access denied: this login may only read");
  }
}

/** What the call gives to prove who asks; undefined when there is nothing. */
export function loginIn(params: Params): SabLogin | undefined {
  const apiKey = params.text("apikey");
  if (apiKey !== "") return { apiKey };
  const [user, password] = [params.text("ma_username"), params.text("ma_password")];
  return user === "" && password === "" ? undefined : { user, password };
}

/** Clients look for SABnzbd's words in it to tell their users what to correct. */
function refusal({ status, headers, message }: AuthFailure, login: SabLogin): AccessRefused {
  if (status === 429) {
    const wait = String(headers["Retry-After"] ?? "1");
    return new AccessRefused("TOO_MANY_LOGINS", `${message}; wait ${wait} s`, { "Retry-After": wait });
  }
  return new AccessRefused("UNAUTHORIZED", "apiKey" in login ? KEY_WRONG : `${KEY_WRONG}: wrong user name or password`);
}

/** What the authenticator asks: a request that holds nothing but a login, the one it came with, and the key instead of a login. */
type Authenticate = (
  request: IncomingMessage,
  req: IncomingMessage,
  apiKey: string | undefined,
) => Promise<Identity | AuthFailure>;

/** Has keys and logins of the API judged as those of all other requests are, with the same limits on guessing. */
export function authorizeWith(authenticate: Authenticate): SabAuthorize {
  return (login, req) => {
    const isKey = "apiKey" in login;
    const basic = isKey ? "" : Buffer.from(`${login.user}:${login.password}`, "utf8").toString("base64");
    const headers = isKey ? {} : { authorization: `Basic ${basic}` };
    // Its socket tells whether others can listen.
    const request = Object.create(req, { headers: { value: headers } }) as IncomingMessage;
    return authenticate(request, req, isKey ? login.apiKey : undefined);
  };
}
