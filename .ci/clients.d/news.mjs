// The news server of these runs: a film, a pattern whose bytes are a function of their offset, and a few small posts. Writes the NZB of
// each, and its own port, into the folder that it is given, and goes on until it is killed.
//   node .ci/clients.d/news.mjs <folder> <film>

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileContent, patternContent } from "../../dist/newsserver/content.js";
import { startNewsServer } from "../../dist/newsserver/news-server.js";
import { toNzb } from "../../dist/newsserver/write-nzb.js";

const [folder, film] = process.argv.slice(2);
const DROPS = 11;

const server = await startNewsServer();
const post = (nzb, name, content) =>
  writeFileSync(join(folder, `${nzb}.nzb`), toNzb([server.store.addFile({ name, content })], { title: nzb }));
post("Noise (2026)", "Noise.2026.mkv", fileContent(film));
post("Pattern", "pattern.bin", patternContent(1, 256 * 1024 * 1024));
for (let n = 1; n <= DROPS; n += 1) post(`Drop ${n}`, `drop-${n}.mkv`, patternContent(100 + n, 500_000 + n));
writeFileSync(join(folder, "news.port"), `${server.port}`);
