import { z } from "zod";
import type { Source } from "./layers.ts";
import type { LoadedConfig } from "./load-config.ts";
import {
  isSecretNode,
  isSetting,
  isSettingList,
  type ProviderConfig,
  SETTINGS,
  type Setting,
  type SettingList,
  type SettingTree,
  settingRows,
} from "./settings.ts";

const HIDDEN = "***";

/** One setting as it stands, fit to be shown to anybody. */
export interface SettingView {
  readonly key: string;
  /** In its final form; `***` for a secret that is set. */
  readonly value: unknown;
  /** The value as a person writes it. */
  readonly text: string;
  readonly source: Source;
  readonly env: string;
}

/** Every setting with its source, secrets hidden. */
export function describeConfig(config: LoadedConfig): readonly SettingView[] {
  return settingRows().map(({ key, env, node }) => {
    const value = shown(node, valueAt(config, key));
    const text = isSetting(node) && value !== HIDDEN ? node.kind.show(value) : JSON.stringify(value);
    return { key, value, text: value === HIDDEN ? HIDDEN : text, source: config.sources.get(key) as Source, env };
  });
}

function valueAt(config: LoadedConfig, key: string): unknown {
  return key.split(".").reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], config);
}

function shown(node: Setting | SettingList, value: unknown): unknown {
  if (isSettingList(node)) return (value as readonly ProviderConfig[]).map((item) => withoutSecrets(node.item, item));
  if (!node.isSecret) return value;
  return value === "" || (Array.isArray(value) && value.length === 0) ? value : HIDDEN;
}

function withoutSecrets(tree: SettingTree, item: object): unknown {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, shown(tree[name] as Setting, value)]));
}

type JsonSchema = Readonly<Record<string, unknown>>;

/** A JSON schema (draft 2020-12) of the configuration file, for editors and for `config schema`. */
export function configSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "newsreel.yaml",
    ...sectionSchema(SETTINGS, ""),
  };
}

function sectionSchema(tree: SettingTree, prefix: string): JsonSchema {
  const members = Object.entries(tree).map(([name, node]): [string, JsonSchema] => {
    const key = prefix + name;
    if (isSetting(node)) return [name, settingSchema(node)];
    if (!isSettingList(node)) return [name, sectionSchema(node, `${key}.`)];
    return [
      name,
      { type: "array", description: node.help, maxItems: node.most, items: sectionSchema(node.item, `${key}[].`) },
    ];
  });
  const required = Object.entries(tree).filter(([, node]) => isSetting(node) && node.byDefault === undefined);
  return {
    type: "object",
    properties: Object.fromEntries(members),
    ...(required.length === 0 ? {} : { required: required.map(([name]) => name) }),
    additionalProperties: false,
  };
}

function settingSchema(setting: Setting): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(setting.kind.schema, { io: "input" });
  return {
    ...schema,
    description: `${setting.help} (${setting.kind.expects})`,
    ...(setting.byDefault === undefined ? {} : { default: setting.byDefault }),
  };
}

/** The README's table in Markdown: every key with its variable, default and help; a line feed after each row. */
export function configTable(): string {
  const rows = settingRows().flatMap(({ key, env, node }) => {
    const variable = `\`${env}\`${isSecretNode(node) ? ", `_FILE`" : ""}`;
    if (isSetting(node)) return [tableRow(`\`${key}\``, variable, node)];
    const items = Object.entries(node.item) as [string, Setting][];
    return [
      `| \`${key}\` | ${variable} | none | ${node.help} |`,
      ...items.map(([name, item]) => tableRow(`\`${key}[].${name}\``, "", item)),
    ];
  });
  return ["| key | variable | default | what |", "|---|---|---|---|", ...rows].map((row) => `${row}\n`).join("");
}

function tableRow(key: string, variable: string, { byDefault, help, kind }: Setting): string {
  const isEmpty = byDefault === "" || (Array.isArray(byDefault) && byDefault.length === 0);
  const shownDefault = byDefault === undefined ? "required" : isEmpty ? "empty" : `\`${String(byDefault)}\``;
  return `| ${key} | ${variable} | ${shownDefault} | ${help} Takes ${kind.expects}. |`;
}
