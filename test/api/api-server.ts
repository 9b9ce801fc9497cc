import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AdmissionState } from "../../src/admission/admission.ts";
import { AdmissionSettings } from "../../src/api/admission-settings.ts";
import { type ApiDeps, createApiHandler } from "../../src/api/api.ts";
import { EventFeed } from "../../src/api/events.ts";
import { AppPasswords } from "../../src/auth/app-passwords.ts";
import type { AuthFailure } from "../../src/auth/identity.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { Logger } from "../../src/base/logger.ts";
import { parseMessageId } from "../../src/base/message-id.ts";
import { SegmentList } from "../../src/base/segment-list.ts";
import type { Catalog, NewRelease } from "../../src/catalog/catalog.ts";
import type { JobId, NewJob } from "../../src/catalog/jobs.ts";
import { openCatalog } from "../../src/catalog/open-catalog.ts";
import type { Sources } from "../../src/config/changeable.ts";
import { createImportQueue } from "../../src/import/import-queue.ts";
import type { StreamSnapshot } from "../../src/mount/stream-snapshot.ts";
import type { ProviderSnapshot } from "../../src/nntp/snapshot.ts";
import { memoryIntake } from "./memory-intake.ts";

export const KEY = "the-key";
export const LOGIN = `Basic ${Buffer.from("demo:demo").toString("base64")}`;
/** What a request without a login gets. */
export const CHALLENGED: AuthFailure = {
  status: 401,
  headers: { "WWW-Authenticate": ['Digest realm="api"', 'Basic realm="api"'] },
  message: "who are you?",
};
export const MAX_NZB = 1024 * 1024;

export const stream: StreamSnapshot = {
  path: "/library/movies/Secret Title/Secret Title.mkv",
  client: "192.0.2.7",
  userAgent: "Kodi",
  class: "play",
  startedAt: 1_700_000_000_000,
  endedAt: undefined,
  requests: 3,
  openRequests: 1,
  failures: 0,
  position: 250,
  size: 1000,
  bytes: 250,
  bytesPerSecond: 25,
  lastByteAt: 1_700_000_001_000,
  firstByteMs: 12.5,
  paused: false,
  phases: { permit: 0, connection: 2000, firstByte: 500, body: 250.5, decode: 50, send: 60_000 },
  stalls: {
    count: 1,
    totalMs: 2100.5,
    last: [{ at: 1_700_000_000_900, position: 125, durationMs: 2100.5, cause: "main took 2.1 s to answer" }],
  },
};

export const provider: ProviderSnapshot = {
  id: "main",
  host: "news.example.com",
  port: 563,
  isTls: true,
  tier: 1,
  isBackup: false,
  state: "ready",
  reason: undefined,
  retryAt: undefined,
  connections: { open: 4, busy: 3, opening: 1, limit: 20, ceiling: 10 },
  commands: { ok: 100, missing: 2, corrupt: 1, failed: 5 },
  bytes: 70_000_000,
  rttMs: 40,
  bytesPerSecond: undefined,
};

const idleAdmission: AdmissionState = {
  streams: 2,
  holdOffUntil: undefined,
  jobs: { running: 1, waiting: 6, limit: 1, isPaused: false },
  connections: { total: 30, imports: 4 },
  words: "2 streams active: imports hold 4 of 30 connections, 6 jobs wait; they resume 15 s after playback",
};

const cacheStats = {
  hits: 10,
  joins: 2,
  misses: 5,
  evictions: 1,
  flights: 3,
  entries: 4,
  allocatedBytes: 4_000_000,
  pinnedSlots: 1,
  budgetBytes: 128_000_000,
};

interface LogLine {
  readonly level: "warn" | "error";
  readonly message: string;
}

/** The API on a port of its own, over a real catalog; what else it looks at stands still unless `change` says otherwise. */
export async function startApi(change: Partial<ApiDeps> = {}, sources: Sources = new Map()) {
  const folder = mkdtempSync(join(tmpdir(), "newsreel-api-"));
  const catalog = openCatalog({ path: join(folder, "catalog.db"), clock: change.clock ?? systemClock });
  const intake = memoryIntake(catalog.jobs, MAX_NZB);
  const logged: LogLine[] = [];
  const log: Logger = {
    debug() {},
    info() {},
    warn: (_, message) => void logged.push({ level: "warn", message }),
    error: (_, message) => void logged.push({ level: "error", message }),
  };
  const { admission = { state: idleAdmission, change() {} }, clock = systemClock, streams = () => [stream] } = change;
  const queue = createImportQueue({ jobs: catalog.jobs, onChange() {}, clock });
  const configured = { maxJobs: 2, maxJobsWhileStreaming: 0, perStreamConnections: 2, floor: 1, holdOffMs: 15_000 };
  const events = new EventFeed({ catalog, queue, admission, streams, clock, log });
  const deps: ApiDeps = {
    queue,
    events,
    admissionSettings: new AdmissionSettings({ configured, sources, stored: catalog.settings }),
    intake,
    catalog,
    log,
    admission,
    streams,
    providers: () => [provider],
    cache: () => cacheStats,
    async *verify(path) {
      yield { path, verdict: "whole" };
      yield { path, verdict: "damaged" };
    },
    damagePolicy: "fill",
    speedTests: {
      async *test(name, wish) {
        yield { kind: "start", name, ...wish };
      },
      async *testGuest(guest, wish) {
        yield { kind: "start", guest, ...wish };
      },
    },
    clock,
    version: "1.2.3",
    appPasswords: new AppPasswords({ store: catalog.appPasswords, owner: "demo", clock: systemClock }),
    authorize: async ({ headers }) => {
      if (headers["x-api-key"] === KEY) return { user: "api", mayWrite: true, via: "api-key" };
      if (headers.authorization === LOGIN) return { user: "demo", mayWrite: true, via: "password" };
      return CHALLENGED;
    },
    isMigrated: () => true,
    ...change,
  };
  const handle = createApiHandler(deps);
  const server = createServer((req, res) => {
    void handle(req, res).then((isOurs) => {
      if (!isOurs) res.writeHead(418).end("somebody else's");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;

  return {
    deps,
    catalog,
    intake,
    logged,
    port,
    origin,
    /** A call with the key, unless the headers say who else calls. */
    fetch(path: string, init: RequestInit = {}): Promise<Response> {
      const headers = new Headers(init.headers);
      if (!headers.has("authorization") && !headers.has("x-api-key")) headers.set("x-api-key", KEY);
      return fetch(origin + path, { ...init, headers });
    },
    async [Symbol.asyncDispose]() {
      events[Symbol.dispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      catalog[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type ApiServer = Awaited<ReturnType<typeof startApi>>;

/** The smallest NZB that tells one post from another. */
export function nzb(post: string): string {
  return `<?xml version="1.0"?><nzb xmlns="http://www.newzbin.com/DTD/2003/nzb"><!-- ${post} --></nzb>`;
}

/** Queues an import of the category movies; its id. */
export function addJob({ catalog }: { readonly catalog: Catalog }, name: string, more: Partial<NewJob> = {}): JobId {
  const nzbBytes = Buffer.from(nzb(name));
  return catalog.jobs.add({
    ...{ name, category: "movies", digest: name, passwords: [], nzb: nzbBytes, bytes: 1000 },
    ...more,
  }).job.id;
}

/** Puts a release of one-article files into the library. */
export function addRelease(catalog: Catalog, files: readonly string[], more: Partial<NewRelease> = {}) {
  return catalog.addRelease({
    category: "movies",
    name: "Ein Schöner Film",
    digest: files.join(),
    posts: files.map((_, index) => ({
      segments: SegmentList.from([{ id: parseMessageId(`${index}@example`), encodedSize: 110 }]),
      size: 100,
      partSize: 100,
    })),
    files: files.map((path, post) => ({ path, runs: [{ post, start: 0, end: 100 }], modifiedAt: 1_700_000_000_000 })),
    ...more,
  });
}
