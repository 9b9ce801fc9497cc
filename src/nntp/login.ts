import type tls from "node:tls";
import { onAbort } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { ProviderError } from "../base/errors.ts";
import { type ConnectionEvents, NntpConnection } from "./connection.ts";
import type { ProviderOptions } from "./provider-options.ts";
import type { StatusLine, Verb, Verdict } from "./replies.ts";

interface Answer {
  readonly verdict: Verdict;
  readonly status: StatusLine;
}

interface OpenContext {
  readonly clock: Clock;
  readonly events: ConnectionEvents;
  readonly secure?: tls.SecureContext;
  readonly signal: AbortSignal;
}

/** Sends one single-line command and waits for its answer. */
export function ask(connection: NntpConnection, verb: Verb, line: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    connection.send({ verb, line, onReply: (verdict, status) => resolve({ verdict, status }), onLost: reject });
  });
}

/** Connects, waits for the greeting and logs in (RFC 4643); resolves with a connection ready for commands, or leaves nothing behind. */
export async function openConnection(options: ProviderOptions, context: OpenContext): Promise<NntpConnection> {
  const name = `${options.host}:${options.port}`;
  const connection = new NntpConnection(options, context);
  const timeout = new ProviderError("PROVIDER_TIMEOUT", `${name} did not let us in within ${options.timeoutMs} ms`);
  using _deadline = context.clock.after(options.timeoutMs, () => connection.destroy(timeout));
  using _abort = onAbort(context.signal, () =>
    connection.destroy(new ProviderError("PROVIDER_UNREACHABLE", `connecting to ${name} was given up`)),
  );
  try {
    accept(name, "connect", await ask(connection, "GREETING", ""));
    if (options.username !== "") {
      const user = await ask(connection, "USER", `AUTHINFO USER ${options.username}`);
      if (user.verdict === "password-required") {
        accept(name, "log in", await ask(connection, "PASS", `AUTHINFO PASS ${options.password}`));
      } else {
        accept(name, "log in", user);
      }
    }
    return connection;
  } catch (error) {
    connection.close(error as ProviderError);
    if (context.signal.aborted) throw context.signal.reason;
    throw error;
  }
}

/** Passes on an "ok"; turns anything else into the error that says what to do. */
function accept(name: string, what: string, { verdict, status }: Answer): void {
  if (verdict !== "ok") throw refusal(name, what, verdict, status);
}

/** The error for an answer that was no "ok". The server's words are quoted; ours never contain a credential. */
export function refusal(name: string, what: string, verdict: Verdict, status: StatusLine): ProviderError {
  const said = `${status.code} ${status.text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200)}`.trim();
  const message = `${name} refused to ${what}: ${said}`;
  switch (verdict) {
    case "busy":
      return new ProviderError("PROVIDER_BUSY", message, {
        hint: "the account allows fewer connections than configured, or they are used elsewhere: lower `connections`",
      });
    case "auth-rejected":
    case "auth-required":
      return new ProviderError("PROVIDER_AUTH", message, { hint: "check username and password of this provider" });
    case "refused":
      return new ProviderError("PROVIDER_AUTH", message, {
        hint: "the account may have expired or used up its volume",
      });
    case "closing":
      return new ProviderError("PROVIDER_UNREACHABLE", message);
    default:
      return new ProviderError("PROVIDER_PROTOCOL", message);
  }
}
