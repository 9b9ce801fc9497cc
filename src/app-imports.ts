import { type Announcer, mustAnnounce } from "./announce/announcer.ts";
import type { AppContext } from "./app-context.ts";
import type { Engine } from "./app-engine.ts";
import { categoryRules } from "./import/category-rules.ts";
import { createImportQueue } from "./import/import-queue.ts";
import { createImporter } from "./import/importer.ts";
import { startImports } from "./import/runner.ts";
import { createIntake } from "./import/spooled-intake.ts";
import { startUrlFetcher } from "./import/url-fetcher.ts";
import { startWatchFolder } from "./import/watch-folder.ts";
import { NzbParser } from "./nzb/parser-thread.ts";

export type ImportSide = Awaited<ReturnType<typeof openImportSide>>;

/** What imports: the queue's runner and every way in, opened onto the closers in this order. */
export async function openImportSide(context: AppContext, { pool, cache, admission }: Engine) {
  const { config, catalog, clock, log, closers, workers } = context;
  const { imports } = config;
  const parser = closers.use(new NzbParser(workers.nzb === undefined ? {} : { workerUrl: workers.nzb }));
  const rules = categoryRules(config.categories);
  let announcer: Announcer | undefined;
  const importer = createImporter({
    catalog,
    parser,
    source: pool,
    remember: (part, bytes) => cache.remember(part, bytes),
    passwords: imports.passwords,
    rules,
    mustAnnounce: () => mustAnnounce(config),
    ...(workers.rar === undefined ? {} : { rarWorker: workers.rar }),
    clock,
    log,
  });
  const { secondLookMs } = imports;
  const runner = closers.use(
    await startImports({ catalog, importer, admission, secondLookMs, onEnded: () => announcer?.wake(), clock, log }),
  );
  const queue = createImportQueue({
    jobs: catalog.jobs,
    onChange() {
      runner.wake();
      fetcher.wake();
      announcer?.sweepSoon();
    },
    clock,
  });
  const intake = await createIntake({
    dataDir: config.dataDir,
    jobs: catalog.jobs,
    parser,
    maxNzbBytes: imports.maxNzbBytes,
    rules,
    onQueued: () => runner.wake(),
    onFetch: () => fetcher.wake(),
  });
  const { allowPrivateUrls: allowPrivate, watchFolder, watchMs, maxNzbBytes } = imports;
  const onQueued = () => runner.wake();
  const fetcher = closers.use(
    startUrlFetcher({ jobs: catalog.jobs, intake, rules, maxNzbBytes, allowPrivate, onQueued, clock, log }),
  );
  if (watchFolder !== "") {
    closers.use(startWatchFolder({ folder: watchFolder, intervalMs: watchMs, intake, clock, log }));
  }
  return {
    ...{ parser, rules, queue, intake },
    /** Is woken from now on. */
    announceBy(one: Announcer): void {
      announcer = one;
    },
  };
}
