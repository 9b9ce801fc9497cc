import { describe, expect, test } from "@jest/globals";
import { AdmissionController } from "../../src/admission/controller.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { SegmentList } from "../../src/base/segment-list.ts";
import { DamageKeeper } from "../../src/mount/damage-keeper.ts";
import { LibraryTree } from "../../src/mount/library-tree.ts";
import { type PatternOptions, startSystem } from "../app/fixture.ts";
import { describeDavTree } from "../contract/dav-tree.ts";
import { describeChanges } from "../contract/dav-tree-changes.ts";
import { standInsOf } from "./completed-shelf.ts";
import { Shelf } from "./shelf.ts";

const LIMITS = {
  connections: 8,
  maxJobs: 2,
  maxJobsWhileStreaming: 0,
  perStreamConnections: 2,
  floor: 1,
  holdOffMs: 15_000,
};

const SETTINGS = {
  sidecarBytes: 1000,
  maxNzbBytes: 1000,
  space: () => ({ available: 5, used: 3 }),
  standIns: standInsOf("files"),
  categories: [],
  isReadOnly: false,
  cancelJob: () => undefined,
  clock: systemClock,
  log: silentLogger,
};

describeChanges("the folder of NZBs", async () => {
  const shelf = await Shelf.open();
  return {
    tree: shelf.tree,
    writable: ["nzbs", "tv"],
    readOnly: [],
    [Symbol.asyncDispose]: () => shelf[Symbol.asyncDispose](),
  };
});

describeDavTree("the library", async () => {
  const system = await startSystem();
  const { catalog, reader, intake, streams } = system.app;
  const damage = new DamageKeeper({ recorded: catalog.damage, policy: "fail", clock: systemClock, log: silentLogger });
  const film = await system.addPattern({ size: 300_000, partSize: 20_000, name: "film.mkv" });
  catalog.addRelease({
    category: "tv",
    name: "Many",
    digest: "many",
    posts: [{ segments: SegmentList.from([{ id: undefined, encodedSize: 0 }]), size: 600, partSize: 600 }],
    files: Array.from({ length: 600 }, (_, number) => ({
      path: `episode ${number}.mkv`,
      runs: [{ post: 0, start: 0, end: number }],
      modifiedAt: Date.UTC(2026, 0, 1),
    })),
  });
  const admission = new AdmissionController({ limits: LIMITS, clock: systemClock, log: silentLogger });
  const tree = new LibraryTree({
    ...{ catalog, reader, admission, intake, streams, damage },
    ...SETTINGS,
  });
  return {
    tree,
    file: decodeURIComponent(film.path.slice("/dav/".length)).split("/"),
    expected: ({ start, end }) => film.content.read(start, end - start),
    collection: ["library", "tv", "Many"],
    writable: ["library", "tv"],
    readOnly: [],
    openReads: () => reader.activeReads + streams.snapshot().reduce((sum, { openRequests }) => sum + openRequests, 0),
    async [Symbol.asyncDispose]() {
      admission[Symbol.dispose]();
      await system[Symbol.asyncDispose]();
    },
  };
});

const MIB = 1024 * 1024;
const FFPROBE = "Lavf/60.16.100";

/** A library of one film, with an admission of its own. */
async function openFilm(post: PatternOptions) {
  const system = await startSystem();
  const { catalog, reader, intake, streams } = system.app;
  const damage = new DamageKeeper({ recorded: catalog.damage, policy: "fail", clock: systemClock, log: silentLogger });
  const film = await system.addPattern(post);
  const admission = new AdmissionController({ limits: LIMITS, clock: systemClock, log: silentLogger });
  const tree = new LibraryTree({
    ...{ catalog, reader, admission, intake, streams, damage },
    ...SETTINGS,
  });
  const path = decodeURIComponent(film.path.slice("/dav/".length)).split("/");
  let at = path;
  const leaving = new AbortController();
  return {
    admission,
    streams,
    leaving,
    content: film.content,
    path: `/${path.join("/")}`,
    /** From now on it is read in the folder of the job that it came with. */
    asCompleted: () => {
      at = ["completed", ...path.slice(1)];
    },
    read: (start: number, end: number, userAgent = "player") => {
      const client = { address: "192.0.2.1", userAgent, user: "me" };
      return tree.read(at, { start, end }, { signal: leaving.signal, client });
    },
    async [Symbol.asyncDispose]() {
      admission[Symbol.dispose]();
      await system[Symbol.asyncDispose]();
    },
  };
}

type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

async function length(chunks: Chunks): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunks) bytes += chunk.length;
  return bytes;
}

describe("who reads a file of the library", () => {
  test("is watching from the first byte on, when nothing says otherwise", async () => {
    await using film = await openFilm({ size: 300_000, partSize: 20_000 });
    const chunks = film.read(0, 300_000);
    expect(film.admission.activeStreams).toBe(0);
    await chunks.next();
    expect(film.admission.activeStreams).toBe(1);
    await chunks.return();
    expect(film.streams.snapshot()).toMatchObject([{ class: "play", openRequests: 0 }]);
  });

  test("is not watching while it looks at small pieces; then reads on, and is", async () => {
    await using film = await openFilm({ size: 300_000, partSize: 20_000 });
    for (const start of [0, 299_000, 150_000]) expect(await length(film.read(start, start + 1000))).toBe(1000);
    expect(film.admission.activeStreams).toBe(0);
    expect(film.streams.snapshot()).toMatchObject([{ class: "scan", requests: 3, bytes: 3000 }]);
    const chunks = film.read(1000, 300_000);
    await chunks.next();
    expect(film.admission.activeStreams).toBe(1);
    await chunks.return();
    expect(await length(film.read(0, 10))).toBe(10);
    expect(film.streams.snapshot()).toMatchObject([{ class: "play", requests: 5 }]);
  });

  test("may turn out to be watching in the middle of a request", async () => {
    await using film = await openFilm({ size: 20 * MIB, partSize: 700_000 });
    let bytes = 0;
    let watchingFrom: number | undefined;
    for await (const chunk of film.read(0, 20 * MIB, FFPROBE)) {
      if (film.admission.activeStreams === 1) watchingFrom ??= bytes;
      bytes += chunk.length;
    }
    expect(bytes).toBe(20 * MIB);
    expect(watchingFrom).toBeGreaterThanOrEqual(16 * MIB);
    expect(watchingFrom).toBeLessThan(16 * MIB + 700_000);
  });

  test("has got what it took, not what it left behind", async () => {
    await using film = await openFilm({ size: 300_000, partSize: 20_000 });
    const chunks = film.read(0, 300_000);
    const first = await chunks.next();
    const taken = first.value?.length ?? 0;
    await chunks.next();
    film.leaving.abort();
    await chunks.return();
    expect(film.streams.snapshot()).toMatchObject([{ bytes: taken, position: taken, openRequests: 0, failures: 0 }]);
  });

  test("is the same who reads it as a file of a completed job, and is shown what the library calls it", async () => {
    await using film = await openFilm({ size: 300_000, partSize: 20_000 });
    film.asCompleted();
    const read: Buffer[] = [];
    for await (const chunk of film.read(0, 300_000)) {
      read.push(Buffer.from(chunk));
      expect(film.admission.activeStreams).toBe(1);
    }
    expect(Buffer.concat(read).equals(film.content.read(0, 300_000))).toBe(true);
    expect(film.streams.snapshot()).toMatchObject([
      { path: film.path, class: "play", bytes: 300_000, openRequests: 0 },
    ]);
  });

  test("is told of waits: the first bytes after a jump have to come from somewhere", async () => {
    await using film = await openFilm({ size: 300_000, partSize: 20_000 });
    await length(film.read(0, 300_000));
    const [stream] = film.streams.snapshot();
    const { connection, firstByte, body } = stream?.phases ?? { connection: 0, firstByte: 0, body: 0 };
    expect(connection + firstByte + body).toBeGreaterThan(0);
    expect(stream?.firstByteMs).toBeGreaterThan(0);
  });
});
