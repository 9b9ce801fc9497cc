import { onAbort } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { AppError, errorMessage, ProviderError, type ProviderErrorCode } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { ask, openConnection } from "./login.ts";
import type { ProviderOptions } from "./provider-options.ts";

/** What became of one try to use a provider. */
export interface ProbeResult {
  readonly ok: boolean;
  /** In words, without a credential. */
  readonly message: string;
  readonly hint?: string;
  /** Time between a command and its answer. */
  readonly rttMs?: number;
}

/** Connects, logs in, measures one round trip and hangs up; never throws for what is the provider's fault. */
export async function probeProvider(
  options: ProviderOptions,
  { clock, signal }: Cancel & { readonly clock: Clock },
): Promise<ProbeResult> {
  const events = { onClosed() {}, onRtt() {}, onRate() {}, onReceived() {}, onUnwanted() {} };
  try {
    const connection = await openConnection(options, { clock, events, signal });
    const hangUp = (code: ProviderErrorCode, why: string) => () =>
      connection.destroy(new ProviderError(code, `${options.host}:${options.port} lets us in, but ${why}`));
    using _deadline = clock.after(options.timeoutMs, hangUp("PROVIDER_TIMEOUT", "answers nothing after that"));
    using _abort = onAbort(signal, hangUp("PROVIDER_UNREACHABLE", "nobody waits for it"));
    const askedAt = clock.now();
    // A server that does not know DATE answers all the same.
    await ask(connection, "DATE", "DATE");
    const rttMs = clock.now() - askedAt;
    connection.close(new ProviderError("PROVIDER_UNREACHABLE", "the test is over"));
    const login = options.username === "" ? "without a login" : `as ${options.username}`;
    return { ok: true, message: `${options.host}:${options.port} lets us in ${login}`, rttMs };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const hint = error instanceof AppError ? error.hint : undefined;
    return { ok: false, message: errorMessage(error), ...(hint === undefined ? {} : { hint }) };
  }
}
