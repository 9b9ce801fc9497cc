import { readFileSync } from "node:fs";
import { ArticleStore } from "../src/newsserver/article-store.ts";
import { patternContent } from "../src/newsserver/content.ts";
import { startNewsServer } from "../src/newsserver/news-server.ts";
import { toNzb } from "../src/newsserver/write-nzb.ts";

export interface NewsServerArgument {
  readonly bytes: number;
  readonly partSize: number;
  readonly key: string;
  readonly cert: string;
}

export interface NewsServerReady {
  readonly plainPort: number;
  readonly tlsPort: number;
  readonly nzb: string;
  readonly ids: readonly string[];
}

/** The peer of every side: one store, with every article encoded beforehand, over plain TCP and over TLS. */
const { bytes, partSize, key, cert } = JSON.parse(process.argv[2] as string) as NewsServerArgument;
const store = new ArticleStore({ cacheBytes: bytes * 1.1 + 64 * 2 ** 20 });
const file = store.addFile({ name: "bench.bin", content: patternContent(7, bytes), partSize });
const ids = [...file.segments].map(({ id }) => id);
store.encode(file);
const plain = await startNewsServer({ store });
const tls = await startNewsServer({ store, tls: { key: readFileSync(key), cert: readFileSync(cert) } });
const ready: NewsServerReady = { plainPort: plain.port, tlsPort: tls.port, nzb: toNzb([file]), ids };
process.send?.(ready);

// Whoever started this is gone: nobody would stop it any more.
process.on("disconnect", () => process.exit());
