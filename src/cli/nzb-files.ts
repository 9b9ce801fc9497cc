import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { errorCode } from "../base/errors.ts";
import { CommandError } from "./exit-code.ts";

/** What is to be uploaded: an NZB, or a ZIP of several. */
export interface NzbFile {
  /** As the person knows it. */
  readonly label: string;
  /** Without its endings; undefined for standard input and for a ZIP, whose NZBs have names of their own. */
  readonly name: string | undefined;
  /** Bytes; undefined when only reading tells. */
  readonly size: number | undefined;
  open(): Readable;
}

/** What the server is to fetch. */
export interface NzbUrl {
  /** Its scheme and host: the rest may hold a key. */
  readonly label: string;
  readonly url: string;
}

export type NzbSource = NzbFile | NzbUrl;

const NZB = /\.nzb(?:\.gz)?$/i;
/** What is taken out of a folder: a ZIP only when its name says that it is meant, for a folder of downloads holds many others. */
const IN_FOLDER = /\.nzb(?:\.gz|\.zip)?$/i;
const ZIP = /\.zip$/i;

/** What an argument names: an address, a file, or all that a folder and its folders hold, by name; `-` is standard input. */
export async function nzbSources(
  argument: string,
  { cwd, stdin }: { cwd: string; stdin: Readable },
): Promise<readonly NzbSource[]> {
  if (argument === "-") return [{ label: "standard input", name: undefined, size: undefined, open: () => stdin }];
  if (/^https?:\/\//i.test(argument)) return [nzbUrl(argument)];
  const path = resolve(cwd, argument);
  const found = await stat(path).catch((error: unknown) => {
    const isMissing = errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR";
    const why = isMissing ? "does not exist" : `cannot be read (${errorCode(error)})`;
    throw new CommandError("USAGE", `${argument} ${why}`, { cause: error });
  });
  if (!found.isDirectory()) return [nzbFile(argument, path, found.isFile() ? found.size : undefined)];
  const names = (await readdir(path, { recursive: true })).filter((name) => IN_FOLDER.test(name)).sort();
  if (names.length === 0) throw new CommandError("USAGE", `${argument} holds no .nzb file`);
  return names.map((name) => nzbFile(join(argument, name), join(path, name), undefined));
}

function nzbFile(label: string, path: string, size: number | undefined): NzbFile {
  const name = ZIP.test(path) ? undefined : basename(path).replace(NZB, "");
  return { label, name, size, open: () => createReadStream(path) };
}

function nzbUrl(argument: string): NzbUrl {
  if (!URL.canParse(argument)) throw new CommandError("USAGE", "an address among the arguments is no URL");
  return { label: new URL(argument).origin, url: argument };
}
