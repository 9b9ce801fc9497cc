import { join } from "node:path";
import { Closers } from "../../src/base/closers.ts";
import { startChild } from "../child.ts";
import { checkListing, SIDES, startSides } from "../dav-sides.ts";
import type { TreeShape } from "../dav-tree.ts";
import { installPeers, PEERS, startPeer } from "../peers/peers.ts";
import { startProduct } from "../product.ts";
import { atMost, type Table } from "../report.ts";
import { median, takeTurns } from "../rounds.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import type { Topic } from "../topic.ts";
import { listing } from "./webdav-listing.ts";
import { reading, requests } from "./webdav-requests.ts";

/** The protocol, beside what else there is for Node. */
export const webdav: Topic = {
  name: "webdav",
  about: `large folders, stat and small reads over WebDAV, beside ${PEERS.join(" and ")}`,
  seconds: [130, 30],
  async *run({ isQuick }) {
    await installPeers();
    const shape: TreeShape = {
      files: isQuick ? 50_000 : 1_000_000,
      largeFolder: isQuick ? 10_000 : 20_000,
      filmBytes: 16e6,
    };
    const rounds = isQuick ? 1 : 3;
    const forMs = isQuick ? 300 : 1_000;
    using data = temporaryFolder();
    {
      await using filler = startChild("catalog-side", {});
      await filler.ask("davTree", { path: join(data.path, "catalog.db"), shape });
    }
    yield await starting(data.path, shape, rounds);

    await using closers = new Closers();
    const sides = await startSides(closers, data.path, shape);
    const load = closers.use(startChild("http-load", {}));
    for (const name of SIDES) await checkListing(sides[name], shape);
    yield await listing(sides, load, { shape, rounds });
    yield await requests(sides, load, { shape, rounds, forMs });
    yield await reading(sides, load, { shape, rounds, forMs });
  },
};

async function starting(dataDir: string, shape: TreeShape, rounds: number): Promise<Table> {
  const readyMs = async (starts: Promise<AsyncDisposable & { readonly readyMs: number }>) => {
    await using started = await starts;
    return started.readyMs;
  };
  const times = await takeTurns(
    {
      full: () => readyMs(startProduct({ dataDir })),
      empty: () => readyMs(startProduct()),
      "webdav-server": () => readyMs(startPeer("webdav-server", shape)),
      nephele: () => readyMs(startPeer("nephele", shape)),
    },
    rounds,
  );
  const full = median(times.full);
  return {
    title: `webdav: start with ${shape.files} files`,
    columns: ["ready after ms"],
    rows: [
      { name: "newsreel", cells: [full.toFixed(0)], checks: [atMost(full, 1000, " ms")] },
      { name: "newsreel, an empty library", cells: [median(times.empty).toFixed(0)] },
      ...PEERS.map((name) => ({ name: `${name}, with nothing to open`, cells: [median(times[name]).toFixed(0)] })),
    ],
  };
}
