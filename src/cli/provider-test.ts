import { systemClock } from "../base/clock.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { didYouMean } from "../config/did-you-mean.ts";
import type { ProviderConfig } from "../config/settings.ts";
import { type ProbeResult, probeProvider } from "../nntp/probe.ts";
import type { CommandCall } from "./command.ts";
import { type CONFIG_OPTION, configurationOf } from "./configuration.ts";
import { CommandError, EXIT, type ExitCode } from "./exit-code.ts";
import { printJson, printLine } from "./output.ts";

/** Connects, logs in and measures; a provider that cannot be used is a result, not a rejection. */
export type Probe = (provider: ProviderConfig, cancel: Cancel) => Promise<ProbeResult>;

export const realProbe: Probe = (provider, { signal }) =>
  probeProvider({ ...provider, id: provider.name }, { clock: systemClock, signal });

/** `provider test [name]`: tries each configured provider, or the named one. */
export async function providerTest(
  call: CommandCall<typeof CONFIG_OPTION>,
  name: string | undefined,
  probe: Probe,
): Promise<ExitCode> {
  const chosen = choose(configurationOf(call).providers, name);
  let failures = 0;
  for (const provider of chosen) {
    const result = await probe(provider, call);
    if (!result.ok) failures += 1;
    if (call.values.json) await printJson(call, { name: provider.name, ...result });
    else for (const line of lines(provider, result)) await printLine(call, line);
  }
  return failures === 0 ? EXIT.ok : EXIT.unreachable;
}

function choose(providers: readonly ProviderConfig[], name: string | undefined): readonly ProviderConfig[] {
  if (providers.length === 0) {
    throw new CommandError("USAGE", "no provider is configured", {
      hint: "name one under providers: in newsreel.yaml, or as a JSON list in NEWSREEL_PROVIDERS",
    });
  }
  const chosen = providers.filter((provider) => name === undefined || provider.name === name);
  if (chosen.length > 0) return chosen;
  throw noSuchProvider(
    name ?? "",
    providers.map((provider) => provider.name),
  );
}

/** USAGE, with the name that was probably meant. */
export function noSuchProvider(name: string, names: readonly string[]): CommandError {
  const near = didYouMean(name, names);
  return new CommandError("USAGE", `no provider is called ${JSON.stringify(name)}`, {
    hint: near === undefined ? `there are: ${names.join(", ")}` : `did you mean ${near}?`,
  });
}

function* lines({ name, host, port }: ProviderConfig, { ok, message, hint, rttMs }: ProbeResult): Generator<string> {
  const roundTrip = rttMs === undefined ? "" : ` (round trip ${Math.round(rttMs)} ms)`;
  yield `${name} (${host}:${port}): ${ok ? "ok" : "failed"}, ${message}${roundTrip}`;
  if (hint !== undefined) yield `  ${hint}`;
}
