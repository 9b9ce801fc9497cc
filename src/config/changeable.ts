import { RequestError } from "../base/errors.ts";
import type { Source } from "./layers.ts";
import { isSetting, type Setting, settingRows } from "./settings.ts";

/** Settings that can be changed while the program runs, by the name that calls use; what was changed is kept under the dotted key. */
export const CHANGEABLE = {
  maxJobs: "imports.maxJobs",
  maxJobsWhileStreaming: "imports.maxJobsWhileStreaming",
  perStreamConnections: "streaming.perStreamConnections",
  floor: "streaming.floor",
  holdOffMs: "streaming.holdOffMs",
} as const;

export type ChangeableName = keyof typeof CHANGEABLE;
export type ChangeableValues = Readonly<Record<ChangeableName, number>>;
/** Where each value of the configuration comes from, by dotted key. */
export type Sources = ReadonlyMap<string, Source>;

export const CHANGEABLE_NAMES = Object.keys(CHANGEABLE) as readonly ChangeableName[];

/** A change as it was asked for; `default` takes it back. */
export type Change = { readonly name: ChangeableName; readonly value: number | "default" };

/**
 * The change that a call asks for: a number, the text of one, or null or `default` to take an earlier one back. Throws BAD_REQUEST for what
 * the configuration would not take, and CONFLICT for a setting that was given with the start, which is stronger.
 */
export function checkedChange(name: string, raw: unknown, sources: Sources): Change {
  if (!isChangeable(name)) {
    throw new RequestError("BAD_REQUEST", `${name.slice(0, 80)} cannot be changed while the server runs`, {
      hint: `what can is ${CHANGEABLE_NAMES.join(", ")}`,
    });
  }
  const source = givenBy(name, sources);
  if (source !== undefined) {
    throw new RequestError("CONFLICT", `${CHANGEABLE[name]} is set by ${placeOf(source)}, which is stronger`, {
      hint: "change it there, or remove it there to be able to change it here",
    });
  }
  if (raw === null || raw === "default") return { name, value: "default" };
  const { kind } = rowOf(name);
  const result = kind.schema.safeParse(typeof raw === "string" ? kind.fromText(raw) : raw);
  if (!result.success) throw new RequestError("BAD_REQUEST", `${name}: expected ${kind.expects}`);
  return { name, value: result.data };
}

/** Who gives this setting so that it cannot be changed: a flag, a variable or the file. undefined: nobody does. */
export function givenBy(name: ChangeableName, sources: Sources): Source | undefined {
  const source = sources.get(CHANGEABLE[name]);
  return source === undefined || source.kind === "default" ? undefined : source;
}

/** What was changed earlier and still counts; neither what is given with the start, nor what this version would not take. */
export function keptChanges(stored: ReadonlyMap<string, unknown>, sources: Sources): Partial<ChangeableValues> {
  const kept = CHANGEABLE_NAMES.flatMap((name): [ChangeableName, number][] => {
    if (givenBy(name, sources) !== undefined) return [];
    const result = rowOf(name).kind.schema.safeParse(stored.get(CHANGEABLE[name]));
    return result.success ? [[name, result.data]] : [];
  });
  return Object.fromEntries(kept);
}

/** What values a setting takes, in words. */
export function expectedOf(name: ChangeableName): string {
  return rowOf(name).kind.expects;
}

function isChangeable(name: string): name is ChangeableName {
  return Object.hasOwn(CHANGEABLE, name);
}

/** As a person knows it: a variable's name, a file with its line, the command line. */
function placeOf({ kind, place }: Source): string {
  return kind === "command line" ? "the command line" : place;
}

function rowOf(name: ChangeableName): Setting<number> {
  const row = settingRows().find(({ key }) => key === CHANGEABLE[name]);
  if (row === undefined || !isSetting(row.node)) throw new TypeError(`no setting is called ${CHANGEABLE[name]}`);
  return row.node as Setting<number>;
}
