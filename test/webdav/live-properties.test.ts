import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { type PropertyAnswer, readMultistatus } from "./multistatus.ts";
import { fetchRaw, type Headers } from "./raw-client.ts";
import { lock } from "./take-lock.ts";
import { childrenOf, elementsNamed, type PlainElement, textOf } from "./xml-oracle.ts";

let server: DavServer;
beforeEach(async () => {
  server = await startDavServer();
});
afterEach(async () => {
  expect(server.tree.counts.reads).toBe(0);
  expect(server.errors).toEqual([]);
  await server[Symbol.asyncDispose]();
});

async function ask(path: string, body: string, headers: Headers = {}) {
  const answer = await fetchRaw(server.port, "PROPFIND", path, { Depth: "0", ...headers }, body);
  expect(answer.status).toBe(207);
  return readMultistatus(answer.body);
}
const prop = (inner: string) => `<D:propfind xmlns:D="DAV:"><D:prop>${inner}</D:prop></D:propfind>`;
const QUOTA = prop("<D:quota-available-bytes/><D:quota-used-bytes/>");
const ALLPROP = '<propfind xmlns="DAV:"><allprop/></propfind>';

describe("quota", () => {
  test("is two numbers on a collection, as rclone's df reads them", async () => {
    const [root] = await ask("/dav/", QUOTA);
    expect(root?.statuses).toEqual(["HTTP/1.1 200 OK"]);
    const value = (local: string) => textOf(root?.property(`{DAV:}${local}`) as PlainElement);
    expect([value("quota-available-bytes"), value("quota-used-bytes")]).toEqual(["1000000", "234567"]);
  });

  test("is missing on files, and where nobody knows it", async () => {
    const missing = { 404: ["{DAV:}quota-available-bytes", "{DAV:}quota-used-bytes"] };
    expect((await ask("/dav/movies/small.mkv", QUOTA))[0]?.names).toEqual(missing);
    server.tree.spaceLeft = undefined;
    expect((await ask("/dav/", QUOTA))[0]?.names).toEqual(missing);
  });

  test("is looked up once for a folder of folders, and only for who asks", async () => {
    for (let n = 0; n < 300; n += 1) server.tree.addFolder(`rw/folder ${n}`);
    let lookups = 0;
    server.tree.space = () => {
      lookups += 1;
      return { available: 1, used: 2 };
    };
    for (const body of ["", ALLPROP, '<propfind xmlns="DAV:"><propname/></propfind>']) {
      const answers = await ask("/dav/rw", body, { Depth: "1" });
      expect(answers.flatMap(({ names }) => names[200] ?? []).filter((name) => name.includes("quota"))).toEqual([]);
    }
    expect(lookups).toBe(0);
    expect((await ask("/dav/rw", QUOTA, { Depth: "1" })).length).toBe(303);
    expect(lookups).toBe(1);
  });

  test("is included with allprop for who says so", async () => {
    const [root] = await ask(
      "/dav/",
      '<propfind xmlns="DAV:"><allprop/><include><quota-used-bytes/></include></propfind>',
    );
    expect(root?.names[200]?.filter((name) => name.includes("quota"))).toEqual(["{DAV:}quota-used-bytes"]);
  });

  test.each(["WebDAVFS/3.0.0 (03008000) Darwin/24.4.0", "WebDAVLib/1.3"])("is unknown to %s", async (agent) => {
    const [root] = await ask("/dav/", QUOTA, { "User-Agent": agent });
    expect(root?.statuses).toEqual(["HTTP/1.1 404 Not Found"]);
  });

  test("is known to others that name Finder's client", async () => {
    const [root] = await ask("/dav/", QUOTA, { "User-Agent": "Mozilla/5.0 (not WebDAVFS/3.0.0)" });
    expect(root?.statuses).toEqual(["HTTP/1.1 200 OK"]);
  });
});

describe("locks", () => {
  const LOCKS = prop("<D:lockdiscovery/><D:supportedlock/>");
  const active = (answer: PropertyAnswer | undefined) => {
    const discovery = answer?.property("{DAV:}lockdiscovery");
    return discovery === undefined ? undefined : childrenOf(discovery);
  };

  test("that can be had are exclusive and shared, on everything", async () => {
    for (const path of ["/dav/", "/dav/movies/small.mkv"]) {
      const [answer] = await ask(path, LOCKS);
      const supported = answer?.property("{DAV:}supportedlock");
      const scopes = elementsNamed("{DAV:}lockscope", supported as PlainElement).flatMap(childrenOf);
      expect(scopes.map(({ name }) => name)).toEqual(["{DAV:}exclusive", "{DAV:}shared"]);
      expect(active(answer)).toEqual([]);
    }
  });

  test("are shown on the root", async () => {
    await lock(server, "/dav/", { Depth: "0" });
    expect(active((await ask("/dav/", LOCKS))[0])?.length).toBe(1);
  });

  test("are shown on what they are on, and on what is below when they go so deep", async () => {
    server.tree.addFile("rw/sub/deep.txt", 3);
    const onFile = await lock(server, "/dav/rw/old.txt", { Depth: "0" });
    const onFolder = await lock(server, "/dav/rw/sub/", { Depth: "infinity" });
    const tokens = (answers: readonly PropertyAnswer[]) =>
      Object.fromEntries(
        answers.map((answer) => [
          answer.href,
          (active(answer) ?? []).flatMap((one) =>
            elementsNamed("{DAV:}locktoken", one).map((token) => textOf(childrenOf(token)[0] as PlainElement)),
          ),
        ]),
      );
    expect(tokens(await ask("/dav/rw/", LOCKS, { Depth: "1" }))).toEqual({
      "/dav/rw/": [],
      "/dav/rw/old.txt": [onFile],
      "/dav/rw/sub/": [onFolder],
    });
    expect(tokens(await ask("/dav/rw/sub/deep.txt", LOCKS))).toEqual({ "/dav/rw/sub/deep.txt": [onFolder] });
    for (const body of ["", ALLPROP])
      expect(tokens(await ask("/dav/rw/old.txt", body))["/dav/rw/old.txt"]).toEqual([onFile]);
  });
});

describe("rclone", () => {
  // Since 1.74 rclone names what it wants, and takes for missing whatever has a status other than 2xx first: rclone#9484.
  const STANDARD =
    '<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop>' +
    "<d:displayname/><d:getlastmodified/><d:getcontentlength/><d:resourcetype/>";

  test("gets all it wants of files and folders under one status, 200", async () => {
    for (const path of ["/dav/", "/dav/movies", "/dav/rw"]) {
      for (const { statuses } of await ask(path, `${STANDARD}</d:prop></d:propfind>`, { Depth: "1" })) {
        expect(statuses).toEqual(["HTTP/1.1 200 OK"]);
      }
    }
  });

  test("gets 200 first, and in it everything that there is, when it asks for another server's checksums too", async () => {
    const body = `${STANDARD}<oc:checksums/><oc:permissions/></d:prop></d:propfind>`;
    for (const { statuses, names } of await ask("/dav/movies", body, { Depth: "1" })) {
      expect(statuses).toEqual(["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"]);
      expect(names[404]).toEqual(["{http://owncloud.org/ns}checksums", "{http://owncloud.org/ns}permissions"]);
    }
  });

  test("gets hrefs that are paths, so that no host has to be the one that it knows", async () => {
    for (const { href } of await ask("/dav/movies", ALLPROP, { Depth: "1", Host: "inside:8119" })) {
      expect(href).toMatch(/^\/dav\/movies\//);
    }
  });
});

test("a property of the xml namespace is missing in well-formed words", async () => {
  expect((await ask("/dav/", prop("<xml:lang/>")))[0]?.names).toEqual({
    404: ["{http://www.w3.org/XML/1998/namespace}lang"],
  });
});

test("dead properties of a huge folder come with its pages", async () => {
  server.tree.addFolder("rw/many");
  for (let n = 0; n < 600; n += 1) {
    const xml = `<n xmlns="urn:z">${n}</n>`;
    server.tree.addFile(`rw/many/${String(n).padStart(3, "0")}`, n, {
      properties: [{ namespace: "urn:z", local: "n", xml }],
    });
  }
  const answers = await ask("/dav/rw/many", prop('<n xmlns="urn:z"/>'), { Depth: "1" });
  expect(answers.slice(1).map((answer) => textOf(answer.property("{urn:z}n") as PlainElement))).toEqual(
    Array.from({ length: 600 }, (_, n) => String(n)),
  );
  expect(server.tree.counts.lists).toBe(3);
});
