import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { bytesOf } from "./contents.ts";
import { RAR4_KINDS } from "./rar4-kinds.ts";
import { RAR5_KINDS } from "./rar5-kinds.ts";
import { SEVEN_ZIP_KINDS } from "./seven-zip-kinds.ts";
import { ZIP_KINDS } from "./zip-kinds.ts";

/** Writes the posted files of every small kind and what must come out of them, for verify-kinds.sh; one line each: folder, password. */
const [, , root = "."] = process.argv;
for (const kind of [...RAR4_KINDS, ...RAR5_KINDS, ...SEVEN_ZIP_KINDS, ...ZIP_KINDS]) {
  const built = kind.build();
  const write = (path: string, bytes: Buffer) => {
    const target = `${root}/${kind.release}/${path}`;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  };
  for (const { name, content } of built.files) write(`posted/${name}`, bytesOf(content));
  for (const { path, content } of built.serves ?? []) write(`expected/${path}`, bytesOf(content));
  process.stdout.write(`${kind.release}\t${built.passwords?.at(-1) ?? ""}\n`);
}
