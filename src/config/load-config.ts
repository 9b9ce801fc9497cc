import { resolve } from "node:path";
import { type Env, ownVariables } from "./environment.ts";
import { type Found, fromEnvironment, fromFile, fromOverrides, type Source } from "./layers.ts";
import { Mistakes } from "./mistakes.ts";
import {
  type Config,
  isSetting,
  isSettingList,
  type ProviderConfig,
  SETTINGS,
  type SettingTree,
  settingRows,
} from "./settings.ts";
import { type ReadTextFile, readTextFile } from "./text-file.ts";

/** A configuration that knows where each of its values comes from, by dotted key. */
export type LoadedConfig = Config & { readonly sources: ReadonlyMap<string, Source> };

export interface ConfigInputs {
  readonly env: Env;
  /** Absolute; relative paths start here, and `newsreel.yaml` is looked for here. */
  readonly cwd: string;
  /** From --config; then it must exist, as with NEWSREEL_CONFIG. */
  readonly configFile?: string | undefined;
  /** From flags, by dotted key; texts are read as those of variables are. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  readonly readFile?: ReadTextFile;
}

/**
 * The configuration out of flags, environment, file and defaults, in this order of precedence.
 * Throws ConfigError CONFIG_INVALID that names every mistake of all of them at once.
 */
export function loadConfig(inputs: ConfigInputs): LoadedConfig {
  const { env, cwd, configFile, overrides = {}, readFile = readTextFile } = inputs;
  const mistakes = new Mistakes();
  const reading = { cwd, readFile, mistakes };
  const variables = ownVariables(env);
  const layers = [
    fromOverrides(overrides, mistakes),
    fromEnvironment(variables, reading),
    fromFile(configFile ?? variables.get("NEWSREEL_CONFIG"), reading),
  ];
  const chosen = new Map<string, Found>();
  for (const { key, node } of settingRows()) {
    const given = layers.map((layer) => layer.get(key)).find((found) => found !== undefined);
    const value = isSettingList(node) ? [] : node.kind.schema.parse(node.byDefault);
    chosen.set(key, given ?? { value, source: { kind: "default", place: "default" } });
  }
  mistakes.throwIfAny();

  const { providers, ...others } = build(SETTINGS, "", { chosen, cwd }) as Config;
  const named = providers.map((provider) => ({ ...provider, name: provider.name || provider.host }));
  refuseSameNames(named, chosen.get("providers"), mistakes);
  mistakes.throwIfAny();
  return { ...others, providers: named, sources: new Map([...chosen].map(([key, { source }]) => [key, source])) };
}

interface Building {
  readonly chosen: ReadonlyMap<string, Found>;
  readonly cwd: string;
}

function build(tree: SettingTree, prefix: string, building: Building): unknown {
  const members = Object.entries(tree).map(([name, node]): [string, unknown] => {
    const key = prefix + name;
    if (!isSetting(node) && !isSettingList(node)) return [name, build(node, `${key}.`, building)];
    const value = building.chosen.get(key)?.value;
    const isPath = isSetting(node) && node.kind.isPath;
    return [name, isPath && typeof value === "string" && value !== "" ? resolve(building.cwd, value) : value];
  });
  return Object.fromEntries(members);
}

/** Metrics, messages and commands tell providers apart by name. */
function refuseSameNames(providers: readonly ProviderConfig[], found: Found | undefined, mistakes: Mistakes): void {
  const seen = new Set<string>();
  for (const { name } of providers) {
    if (seen.has(name))
      mistakes.add(
        found?.source.place ?? "",
        `two providers are called ${JSON.stringify(name)}; give each its own name`,
      );
    seen.add(name);
  }
}
