/** Writes every sample into folders of the folder that is named; prints first volume and password of each, for an independent reader. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SAMPLES } from "./rar-samples.ts";
import { writeRar } from "./rar-writer.ts";

const out = process.argv[2] ?? ".";
for (const [name, spec] of Object.entries(SAMPLES)) {
  const folder = join(out, name);
  mkdirSync(folder, { recursive: true });
  for (const { path, content, isDirectory } of spec.members) {
    const target = join(out, "expected", path);
    mkdirSync(isDirectory ? target : join(target, ".."), { recursive: true });
    if (!isDirectory) writeFileSync(target, content);
  }
  const files = writeRar({ ...spec, baseName: name });
  for (const file of files) writeFileSync(join(folder, file.name), file.bytes);
  console.log(`${join(folder, files[0]?.name ?? "")}\t${spec.password ?? ""}`);
}
