import { resolve } from "node:path";
import { checkRow, fromText, type Given, inside, openSection } from "./check.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Mistakes } from "./mistakes.ts";
import {
  isSecretNode,
  isSetting,
  isSettingList,
  SETTINGS,
  type SettingRow,
  type SettingTree,
  settingRows,
} from "./settings.ts";
import { type ReadTextFile, readFailure } from "./text-file.ts";
import { parseYaml } from "./yaml-file.ts";

/** Where a value comes from, strongest first; settings stored by the page will stand between file and default. */
export type SourceKind = "command line" | "environment" | "file" | "default";

export interface Source {
  readonly kind: SourceKind;
  /** A variable's name, a file with its line, or the kind again. */
  readonly place: string;
}

/** A checked value and who gave it. */
export interface Found {
  readonly value: unknown;
  readonly source: Source;
}

/** What one source gives, by dotted key. */
export type Layer = ReadonlyMap<string, Found>;

/** Variables that are no settings: where the file is, and which server the commands talk to. */
const OTHER_VARIABLES = ["NEWSREEL_CONFIG", "NEWSREEL_URL"];

/** How layers read files, and where they report what is wrong. */
export interface Reading {
  readonly cwd: string;
  readonly readFile: ReadTextFile;
  readonly mistakes: Mistakes;
}

/** What flags give; a key that is no setting is the caller's bug and throws TypeError. */
export function fromOverrides(overrides: Readonly<Record<string, unknown>>, mistakes: Mistakes): Layer {
  const layer = new Map<string, Found>();
  const rows = new Map(settingRows().map((row) => [row.key, row]));
  for (const [key, raw] of Object.entries(overrides)) {
    const row = rows.get(key);
    if (row === undefined) throw new TypeError(`no setting is called ${key}`);
    const given: Given = { raw, path: key.split("."), place: () => "command line", mistakes };
    const value = typeof raw === "string" ? fromText(row.node, raw, given) : raw;
    keep(layer, row, { ...given, raw: value }, { kind: "command line", place: "command line" });
  }
  return layer;
}

/** What variables give, and the files that NEWSREEL_<KEY>_FILE names; unknown variables are mistakes. */
export function fromEnvironment(variables: ReadonlyMap<string, string>, reading: Reading): Layer {
  const { mistakes } = reading;
  const layer = new Map<string, Found>();
  const known = new Set(OTHER_VARIABLES);
  for (const row of settingRows()) {
    const fileVariable = `${row.env}_FILE`;
    known.add(row.env);
    if (isSecretNode(row.node)) known.add(fileVariable);
    const direct = variables.get(row.env);
    const file = isSecretNode(row.node) ? variables.get(fileVariable) : undefined;
    const name = direct === undefined ? fileVariable : row.env;
    if (direct !== undefined && file !== undefined) {
      mistakes.add(fileVariable, `${row.env} is set too; keep one of them`);
    }
    const content = direct ?? (file && readSecretFile(file, name, reading));
    if (content === undefined || content === "") continue;
    const given: Given = { raw: undefined, path: row.key.split("."), place: () => name, mistakes };
    keep(layer, row, { ...given, raw: fromText(row.node, content, given) }, { kind: "environment", place: name });
  }
  for (const name of variables.keys()) {
    if (known.has(name)) continue;
    // NEWSREEL_PASSWORD lacks its section: more letters are missing than any slip of the fingers would drop.
    const tail = name.slice("NEWSREEL".length);
    const stem = name.replace(/_FILE$/, "");
    const near = [...known].find((one) => one === stem || one.endsWith(tail)) ?? didYouMean(name, known);
    mistakes.add(name, `is not a known variable${near === undefined ? "" : `; did you mean ${near}?`}`);
  }
  return layer;
}

/** The content without the line end that editors leave; undefined after a mistake was reported. */
function readSecretFile(file: string, variable: string, reading: Reading): string | undefined {
  return readOrReport(resolve(reading.cwd, file), variable, reading)?.replace(/\r?\n$/, "");
}

function readOrReport(path: string, place: string, { readFile, mistakes }: Reading): string | undefined {
  try {
    const text = readFile(path);
    if (text === undefined) mistakes.add(place, `${path} does not exist`);
    return text;
  } catch (error) {
    mistakes.add(place, `${path} ${readFailure(error)}`);
    return undefined;
  }
}

/** What the configuration file gives; it must exist when it was asked for. */
export function fromFile(asked: string | undefined, reading: Reading): Layer {
  const { cwd, readFile, mistakes } = reading;
  const name = asked ?? "newsreel.yaml";
  const optional: ReadTextFile = (file) => readFile(file) ?? "";
  const text = readOrReport(resolve(cwd, name), name, {
    ...reading,
    readFile: asked === undefined ? optional : readFile,
  });
  const layer = new Map<string, Found>();
  if (text === undefined) return layer;
  const { given: raw, place } = parseYaml(text, name, mistakes);
  walk(SETTINGS, "", { layer, given: { raw, path: [], place, mistakes } });
  return layer;
}

function walk(tree: SettingTree, prefix: string, { layer, given }: { layer: Map<string, Found>; given: Given }): void {
  const section = openSection(tree, given);
  if (section === undefined) return;
  for (const [name, node] of Object.entries(tree)) {
    if (!Object.hasOwn(section, name)) continue;
    const key = prefix + name;
    const member = inside(given, name, section[name]);
    if (isSetting(node) || isSettingList(node)) {
      keep(layer, { key, node }, member, { kind: "file", place: member.place(member.path) });
    } else walk(node, `${key}.`, { layer, given: member });
  }
}

function keep(layer: Map<string, Found>, row: Pick<SettingRow, "key" | "node">, given: Given, source: Source): void {
  const value = checkRow(row.node, given);
  if (value !== undefined) layer.set(row.key, { value, source });
}
