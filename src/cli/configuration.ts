import { type LoadedConfig, loadConfig } from "../config/load-config.ts";
import type { CommandIo } from "./command.ts";

/** For every command that looks at the configuration. */
export const CONFIG_OPTION = {
  config: { type: "string", value: "file", help: "configuration file; newsreel.yaml unless given" },
} as const;

interface ConfiguredCall extends Pick<CommandIo, "env" | "cwd"> {
  readonly values: { readonly config?: string };
}

/** The configuration as this call sees it; `overrides` are flags by dotted key and win over everything. */
export function configurationOf(call: ConfiguredCall, overrides: Readonly<Record<string, unknown>> = {}): LoadedConfig {
  return loadConfig({ env: call.env, cwd: call.cwd, configFile: call.values.config, overrides });
}
