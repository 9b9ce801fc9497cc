import { AdmissionController } from "../../src/admission/controller.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { SegmentList } from "../../src/base/segment-list.ts";
import { LibraryTree } from "../../src/mount/library-tree.ts";
import { startSystem } from "../app/fixture.ts";
import { describeDavTree } from "../contract/dav-tree.ts";

const LIMITS = {
  connections: 8,
  maxJobs: 2,
  maxJobsWhileStreaming: 0,
  perStreamConnections: 2,
  floor: 1,
  holdOffMs: 15_000,
};

describeDavTree("the library", async () => {
  const system = await startSystem();
  const { catalog, reader, intake, streams } = system.app;
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
  const tree = new LibraryTree({ catalog, reader, admission, intake, streams, clock: systemClock });
  return {
    tree,
    file: decodeURIComponent(film.path.slice("/dav/".length)).split("/"),
    expected: ({ start, end }) => film.content.read(start, end - start),
    collection: ["library", "tv", "Many"],
    writable: ["nzbs", "tv"],
    readOnly: ["library", "tv", "Many"],
    openReads: () => reader.activeReads + streams.snapshot().reduce((sum, { openRequests }) => sum + openRequests, 0),
    async [Symbol.asyncDispose]() {
      admission[Symbol.dispose]();
      await system[Symbol.asyncDispose]();
    },
  };
});
