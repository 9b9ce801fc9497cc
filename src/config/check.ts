import { errorMessage } from "../base/errors.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Mistakes } from "./mistakes.ts";
import { isSetting, isSettingList, type Setting, type SettingList, type SettingTree, settingRows } from "./settings.ts";

type Path = readonly (string | number)[];

/** Where a value was given, for a person: a file with its line, or a variable. */
export type Place = (path: Path) => string;

/** What one check works with; `path` leads to the value in question. */
export interface Given {
  readonly raw: unknown;
  readonly path: Path;
  readonly place: Place;
  readonly mistakes: Mistakes;
}

/** The checked value of a row, or undefined when nothing was given or a mistake was reported. */
export function checkRow(node: Setting | SettingList, given: Given): unknown {
  if (given.raw === undefined || given.raw === null) return undefined;
  return isSettingList(node) ? checkList(node, given) : checkSetting(node, given);
}

function checkSetting(setting: Setting, given: Given): unknown {
  const result = setting.kind.schema.safeParse(given.raw);
  if (result.success) return result.data;
  expected(given, setting.kind.expects, setting.isSecret);
  return undefined;
}

function checkList(list: SettingList, given: Given): readonly unknown[] | undefined {
  if (!Array.isArray(given.raw) || given.raw.length > list.most) {
    expected(given, `a list of at most ${list.most} sections`, true);
    return undefined;
  }
  return given.raw.map((raw, index) => checkItem(list.item, inside(given, index, raw)));
}

function checkItem(item: SettingTree, given: Given): Readonly<Record<string, unknown>> {
  const section = openSection(item, given) ?? {};
  const values = Object.entries(item).map(([name, node]): [string, unknown] => {
    const setting = node as Setting;
    const value = checkRow(setting, inside(given, name, section[name]));
    if (value !== undefined) return [name, value];
    if (setting.byDefault !== undefined) return [name, setting.kind.schema.parse(setting.byDefault)];
    if (section[name] === undefined || section[name] === null) report(inside(given, name), "is missing");
    return [name, undefined];
  });
  return Object.fromEntries(values);
}

/** The members of a section, after its unknown keys were reported; undefined when it is empty or no section. */
export function openSection(tree: SettingTree, given: Given): Readonly<Record<string, unknown>> | undefined {
  const { raw } = given;
  if (raw === undefined || raw === null) return undefined;
  if (typeof raw !== "object" || Array.isArray(raw)) {
    expected(given, "a section with keys", true);
    return undefined;
  }
  for (const name of Object.keys(raw)) {
    if (!Object.hasOwn(tree, name)) report(inside(given, name), unknownKey(tree, name));
  }
  return raw as Record<string, unknown>;
}

/** What lies under `name` of what was given. */
export function inside(given: Given, name: string | number, raw?: unknown): Given {
  return { ...given, raw, path: [...given.path, name] };
}

function unknownKey(tree: SettingTree, name: string): string {
  const sibling = didYouMean(name, Object.keys(tree));
  if (sibling !== undefined) return `is not a known key; did you mean ${sibling}?`;
  const last = name.split(".").at(-1) as string;
  const elsewhere = settingRows().find(({ key }) => key.split(".").at(-1)?.toLowerCase() === last.toLowerCase());
  const [section, key] = elsewhere?.key.split(".") ?? [];
  if (section === undefined) return "is not a known key";
  return `is not a known key here; did you mean ${key === undefined ? `${section} at the top` : `${key} in the section ${section}`}?`;
}

function report(given: Given, sentence: string): void {
  given.mistakes.add(given.place(given.path), `${dotted(given.path)} ${sentence}`);
}

function expected(given: Given, expects: string, isSecret: boolean): void {
  const subject = given.path.length === 0 ? "" : `${dotted(given.path)}: `;
  given.mistakes.add(given.place(given.path), `${subject}expected ${expects}, got ${described(given.raw, isSecret)}`);
}

/** A key such as `{ password:secret }`, where a blank is missing, holds the value too: only plain names are shown. */
const PLAIN_NAME = /^[A-Za-z_][\w.-]{0,40}$/;

function dotted(path: Path): string {
  return path.reduce<string>((key, part) => {
    if (typeof part === "number") return `${key}[${part}]`;
    const name = PLAIN_NAME.test(part) ? part : "(a key that is no plain name: is a blank missing after a colon?)";
    return key === "" ? name : `${key}.${name}`;
  }, "");
}

/** What was given; only short scalars of settings that are no secret are quoted, and nothing that may hold a login. */
function described(raw: unknown, isSecret: boolean): string {
  if (Array.isArray(raw)) return "a list";
  if (typeof raw === "object") return "a section";
  const kind = typeof raw === "string" ? "another text" : `a ${typeof raw}`;
  const quoted = JSON.stringify(raw);
  return isSecret || quoted.length > 80 || quoted.includes("@") ? kind : quoted;
}

/** The value that the text of a variable stands for; undefined after a mistake was reported. */
export function fromText(node: Setting | SettingList, text: string, given: Given): unknown {
  try {
    return isSetting(node) ? node.kind.fromText(text) : JSON.parse(text);
  } catch (error) {
    const [, position] = /at position (\d+)/.exec(errorMessage(error)) ?? [];
    const where = position === undefined ? "" : ` (character ${Number(position) + 1})`;
    report(given, `is not valid JSON${where}`);
    return undefined;
  }
}
