import type { Cancel } from "../base/seekable-file.ts";
import type { Params } from "./params.ts";
import type { ReceivedFile } from "./received-files.ts";

/** One call on its way. The signal fires when the client leaves before it was answered. */
export interface SabCall extends Cancel {
  readonly params: Params;
  /** What came with it; none for a mode that takes none. */
  readonly files: readonly ReceivedFile[];
  /** Whether this client has the API key if it has this one; tries count as its own. */
  isKey(key: string): Promise<boolean>;
}

/** One thing that can be asked for. Returns the JSON to answer with; throws an AppError to refuse. */
export interface SabMode {
  /** none: anybody. read: any login. write: one that may change something. */
  readonly access: "none" | "read" | "write";
  /** Files may come with it. */
  readonly takesFiles?: true;
  run(call: SabCall): object | Promise<object>;
}

/** By `mode`, or by `mode` and `name` with a blank between. */
export type SabModes = readonly (readonly [string, SabMode])[];

/** A mode that only looks. */
export function reads(run: SabMode["run"]): SabMode {
  return { access: "read", run };
}

/** A mode that changes something. */
export function writes(run: SabMode["run"]): SabMode {
  return { access: "write", run };
}

/** The same, with what comes along. */
export function takes(run: SabMode["run"]): SabMode {
  return { access: "write", takesFiles: true, run };
}
