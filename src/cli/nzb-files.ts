import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { errorCode } from "../base/errors.ts";
import { CommandError } from "./exit-code.ts";

/** An NZB to be uploaded. */
export interface NzbFile {
  /** As the person knows it. */
  readonly label: string;
  /** Without its endings; undefined for standard input. */
  readonly name: string | undefined;
  /** Bytes; undefined when only reading tells. */
  readonly size: number | undefined;
  open(): Readable;
}

const NZB = /\.nzb(\.gz)?$/i;

/** The NZB that an argument names, or all of a folder and its folders, by name; `-` is standard input. */
export async function nzbFiles(argument: string, { cwd, stdin }: { cwd: string; stdin: Readable }): Promise<NzbFile[]> {
  if (argument === "-") return [{ label: "standard input", name: undefined, size: undefined, open: () => stdin }];
  if (/^https?:\/\//i.test(argument)) {
    throw new CommandError("USAGE", "import takes files, not addresses", {
      hint: `fetch it yourself: curl <address> | newsreel import --name <name> -`,
    });
  }
  const path = resolve(cwd, argument);
  const found = await stat(path).catch((error: unknown) => {
    const isMissing = errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR";
    const why = isMissing ? "does not exist" : `cannot be read (${errorCode(error)})`;
    throw new CommandError("USAGE", `${argument} ${why}`, { cause: error });
  });
  if (!found.isDirectory()) return [nzbFile(argument, path, found.isFile() ? found.size : undefined)];
  const names = (await readdir(path, { recursive: true })).filter((name) => NZB.test(name)).sort();
  if (names.length === 0) throw new CommandError("USAGE", `${argument} holds no .nzb file`);
  return names.map((name) => nzbFile(join(argument, name), join(path, name), undefined));
}

function nzbFile(label: string, path: string, size: number | undefined): NzbFile {
  return { label, name: basename(path).replace(NZB, ""), size, open: () => createReadStream(path) };
}
