import { describeDavHttp } from "../contract/dav-http.ts";
import { describeDavTree } from "../contract/dav-tree.ts";
import { ODD_NAME, startDavServer } from "./dav-server.ts";
import { createMemoryTree, pattern } from "./memory-tree.ts";

describeDavHttp("the memory tree", async () => {
  const server = await startDavServer();
  return {
    port: server.port,
    base: "/dav",
    headers: {},
    oddName: ODD_NAME,
    expected: pattern,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
});

describeDavTree("the memory tree", async () => {
  const tree = createMemoryTree();
  tree.addFolder("rw");
  tree.addFolder("many");
  for (let number = 0; number < 600; number += 1) tree.addFile(`many/file ${number}.mkv`, number);
  tree.addFile("file.mkv", 300_000);
  return {
    tree,
    file: ["file.mkv"],
    expected: pattern,
    collection: ["many"],
    writable: ["rw"],
    readOnly: ["many"],
    openReads: () => tree.counts.openReads,
    [Symbol.asyncDispose]: async () => {},
  };
});
