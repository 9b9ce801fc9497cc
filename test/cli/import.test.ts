import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ApiServer, json, sha256, startApiServer } from "./api-server.ts";
import { run, type World } from "./run.ts";

let server: ApiServer;
let dir: string;
beforeEach(async () => {
  server = await startApiServer();
  dir = await mkdtemp(join(tmpdir(), "newsreel-import-"));
  await writeFile(join(dir, "Big Film.nzb"), "<nzb/>");
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

function newsreel(args: readonly string[], world: World = {}) {
  return run(["import", ...args, "--url", server.url, "--user", "me:secret"], { cwd: dir, ...world });
}

const COMPLETED = {
  id: "1",
  state: "completed",
  name: "Big Film",
  category: "movies",
  progress: 1,
  reason: null,
  error: null,
  hint: null,
  files: [
    { path: "/dav/library/movies/Big Film/film.mkv", size: 7 },
    { path: "/dav/library/movies/Big Film/film.nfo", size: 3 },
  ],
};

/** Takes every upload as import 1, 2, ... and answers questions about each from its list, the last one for ever. */
function takeImports(...answers: readonly (readonly object[])[]): void {
  let taken = 0;
  server.on("POST /api/v1/imports", (_, res) => {
    taken += 1;
    json(res, { id: String(taken), state: "queued" }, 202);
  });
  answers.forEach((list, index) => {
    let asked = 0;
    server.on(`GET /api/v1/imports/${index + 1}`, (_, res) => json(res, list[Math.min(asked++, list.length - 1)]));
  });
}

function uploads() {
  return server.seen
    .filter(({ method }) => method === "POST")
    .map(({ url, body, headers }) => ({
      query: Object.fromEntries(new URL(url, server.url).searchParams),
      body: body.toString(),
      headers,
    }));
}

describe("import", () => {
  test("uploads a file, follows the import and prints the paths", async () => {
    const importing = { ...COMPLETED, state: "importing", reason: "looking at volume 3 of 10", files: [] };
    takeImports([{ ...COMPLETED, state: "queued" }, importing, importing, COMPLETED]);
    const { code, stdout, stderr } = await newsreel(["Big Film.nzb", "--category", "movies"]);
    expect(code).toBe(0);
    expect(stdout).toBe("/dav/library/movies/Big Film/film.mkv\n/dav/library/movies/Big Film/film.nfo\n");
    expect(stderr).toBe("Big Film: queued\nBig Film: importing, looking at volume 3 of 10\n");
    expect(uploads()).toMatchObject([
      {
        query: { category: "movies", name: "Big Film" },
        body: "<nzb/>",
        headers: { "content-type": "application/x-nzb", "content-length": "6" },
      },
    ]);
  });

  test("prints the whole import as JSON when asked to", async () => {
    takeImports([COMPLETED]);
    const { stdout, stderr } = await newsreel(["Big Film.nzb", "--json"]);
    expect(JSON.parse(stdout)).toEqual(COMPLETED);
    expect(stderr).toBe("");
  });

  test("hands over and goes with --no-wait", async () => {
    takeImports();
    expect(await newsreel(["--no-wait", "Big Film.nzb"])).toMatchObject({ code: 0, stdout: "1\n" });
    expect(server.seen.map(({ method }) => method)).toEqual(["POST"]);
  });

  test("follows the import that is there when the same NZB comes again", async () => {
    server.on("POST /api/v1/imports", (_, res) => json(res, { id: "7", state: "completed" }, 200));
    server.on("GET /api/v1/imports/7", (_, res) => json(res, COMPLETED));
    expect((await newsreel(["Big Film.nzb"])).code).toBe(0);
  });

  test("takes all NZBs of a folder and its folders, by name", async () => {
    await mkdir(join(dir, "more", "deep"), { recursive: true });
    await writeFile(join(dir, "more", "deep", "b.NZB"), "b");
    await writeFile(join(dir, "more", "a{{p w}}.nzb.gz"), "a");
    await writeFile(join(dir, "more", "c.txt"), "c");
    takeImports([COMPLETED], [COMPLETED]);
    expect((await newsreel(["more"])).code).toBe(0);
    expect(uploads().map(({ query, body }) => [query, body])).toEqual([
      [{ name: "a", password: "p w" }, "a"],
      [{ name: "b" }, "b"],
    ]);
  });

  test("takes ZIPs under the names that stand in them, out of folders only those that are called .nzb.zip", async () => {
    await mkdir(join(dir, "more"));
    await writeFile(join(dir, "more", "season.nzb.zip"), "PK season");
    await writeFile(join(dir, "more", "photos.zip"), "PK photos");
    await writeFile(join(dir, "named.zip"), "PK named");
    takeImports([COMPLETED], [COMPLETED]);
    expect((await newsreel(["more", "named.zip"])).code).toBe(0);
    expect(uploads().map(({ query, body }) => [query, body])).toEqual([
      [{}, "PK season"],
      [{}, "PK named"],
    ]);
  });

  test("follows each NZB of a ZIP, and names those that were refused", async () => {
    await writeFile(join(dir, "all.zip"), "PK");
    const error = { code: "NZB_MALFORMED", message: "the NZB ends early", hint: null };
    server.on("POST /api/v1/imports", (_, res) =>
      json(
        res,
        [
          { id: "1", state: "queued" },
          { name: "b\u001b.nzb", error },
          { id: "2", state: "queued" },
        ],
        202,
      ),
    );
    for (const id of ["1", "2"]) server.on(`GET /api/v1/imports/${id}`, (_, res) => json(res, { ...COMPLETED, id }));
    const { code, stdout, stderr } = await newsreel(["all.zip"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "newsreel: all.zip: b?.nzb: the NZB ends early\n" });
    expect(stdout.match(/film\.mkv/g)).toHaveLength(2);
  });

  test("tells of each NZB of a ZIP of which none was taken", async () => {
    await writeFile(join(dir, "all.zip"), "PK");
    const refused = (name: string) => ({
      name,
      error: { code: "NZB_MALFORMED", message: "it ends early", hint: null },
    });
    server.on("POST /api/v1/imports", (_, res) => json(res, [refused("a.nzb"), refused("b.nzb")], 400));
    expect(await newsreel(["all.zip"])).toMatchObject({
      code: 1,
      stderr: "newsreel: all.zip: a.nzb: it ends early\nnewsreel: all.zip: b.nzb: it ends early\n",
    });
  });

  test("has the server fetch what is given by its address, and tells nobody the key in it", async () => {
    const url = "https://indexer.example/get/7?apikey=secret&x=ä b";
    takeImports([{ ...COMPLETED, state: "failed", name: null, error: "the indexer answered 404" }]);
    const { code, stderr } = await newsreel([url, "--category", "tv", "--priority", "high"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "newsreel: import of 1 failed: the indexer answered 404\n" });
    expect(uploads().map(({ query, body }) => [query, body])).toEqual([
      [{ url, category: "tv", priority: "high" }, ""],
    ]);
    server.on("POST /api/v1/imports", (_, res) => json(res, { error: { code: "X", message: "no", hint: null } }, 400));
    expect((await newsreel([url])).stderr).toBe("newsreel: https://indexer.example: no\n");
  });

  test("follows the import that has the post which an address led to, once, whoever asked for it", async () => {
    const merged = {
      ...COMPLETED,
      state: "cancelled",
      reason: "job 2 imports the same post",
      mergedInto: "2",
      files: [],
    };
    takeImports(
      [{ ...COMPLETED, state: "queued" }, merged],
      [
        { ...COMPLETED, id: "2", state: "importing" },
        { ...COMPLETED, id: "2" },
      ],
    );
    const paths = "/dav/library/movies/Big Film/film.mkv\n/dav/library/movies/Big Film/film.nfo\n";
    const url = "https://indexer.example/get/7";
    expect(await newsreel([url])).toMatchObject({ code: 0, stdout: paths });
    takeImports([merged], [{ ...COMPLETED, id: "2" }]);
    expect(await newsreel([url, "Big Film.nzb"])).toMatchObject({ code: 0, stdout: paths, stderr: "" });
  });

  test("fails with the import that has the post which an address led to, under its name", async () => {
    const other = { ...COMPLETED, id: "2", name: "Other", state: "failed", error: "it is gone" };
    takeImports([{ ...COMPLETED, state: "cancelled", mergedInto: "2" }], [other]);
    expect(await newsreel(["https://indexer.example/get/7"])).toMatchObject({
      code: 1,
      stdout: "",
      stderr: "newsreel: import of Other failed: it is gone\n",
    });
  });

  test("hands over paused imports and goes, since nothing happens to them", async () => {
    takeImports();
    expect(await newsreel(["Big Film.nzb", "--paused", "--json"])).toMatchObject({ code: 0, stdout: '{"id":"1"}\n' });
    expect(uploads()[0]?.query).toEqual({ name: "Big Film", paused: "1" });
  });

  test("follows many imports by looking at the queue, and asks after each only once it has left it", async () => {
    const all = Array.from({ length: 700 }, (_, index) => String(index + 1));
    await mkdir(join(dir, "many"));
    await Promise.all(all.map((id) => writeFile(join(dir, "many", `${id.padStart(3, "0")}.nzb`), "")));
    takeImports();
    const view = (id: string, state: string) => ({ ...COMPLETED, id, name: id, state, files: [] });
    for (const id of all) server.on(`GET /api/v1/imports/${id}`, (_, res) => json(res, view(id, "completed")));
    // Of what is left, the first 300 are done after each look at the first page, and with the last ones somebody else's.
    let ended = 0;
    server.on("GET /api/v1/queue", ({ url = "" }, res) => {
      const skip = Number(new URL(url, server.url).searchParams.get("skip"));
      const queue = [...all.slice(ended), "9999"];
      json(res, {
        isPaused: false,
        words: "",
        imports: queue.slice(skip, skip + 500).map((id) => view(id, id === all[ended] ? "importing" : "queued")),
      });
      if (skip === 0) ended += 300;
    });
    const { code, stdout, stderr } = await newsreel(["many", "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).id),
    ).toEqual(all);
    const asked = server.seen.filter(({ method }) => method === "GET").map(({ url }) => url.replace(/\?.*/, ""));
    expect(asked.filter((url) => url !== "/api/v1/queue").sort()).toEqual(
      all.map((id) => `/api/v1/imports/${id}`).sort(),
    );
    expect(asked.filter((url) => url === "/api/v1/queue").length).toBeLessThan(10);
  });

  test("says so when somebody removes what it follows", async () => {
    takeImports();
    expect(await newsreel(["Big Film.nzb"])).toMatchObject({
      code: 1,
      stderr: "newsreel: import 1 was removed before it was done\n",
    });
  });

  test("takes standard input, with a name and a password", async () => {
    takeImports([COMPLETED]);
    const bytes = Buffer.alloc(3_000_000, "nzb ");
    const stdin = Readable.from([bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)]);
    expect((await newsreel(["-", "--name", "n", "--password", "p"], { stdin })).code).toBe(0);
    expect(uploads()[0]?.query).toEqual({ name: "n", password: "p" });
    expect(sha256(server.seen[0]?.body as Buffer)).toBe(sha256(bytes));
  });

  test.each<[string, string, string]>([
    [
      "failed",
      "ARCHIVE_COMPRESSED: it is compressed",
      "newsreel: import of Big Film failed: ARCHIVE_COMPRESSED: it is compressed\n  find a stored one\n",
    ],
    ["cancelled", "", "newsreel: import of Big Film failed: it was cancelled\n  find a stored one\n"],
  ])("that ends %s is exit code 1 with reason and hint", async (state, error, told) => {
    takeImports([{ ...COMPLETED, state, error: error || null, hint: "find a stored one", files: [] }]);
    expect(await newsreel(["Big Film.nzb"])).toMatchObject({ code: 1, stdout: "", stderr: told });
  });

  test("goes on with the others when one NZB is refused, and fails in the end", async () => {
    await writeFile(join(dir, "bad.nzb"), "bad");
    server.on("POST /api/v1/imports", (_, res, body) => {
      if (body.toString() !== "bad") json(res, { id: "1", state: "queued" }, 202);
      else json(res, { error: { code: "NZB_MALFORMED", message: "the NZB ends early", hint: "fetch it again" } }, 400);
    });
    server.on("GET /api/v1/imports/1", (_, res) => json(res, COMPLETED));
    const { code, stdout, stderr } = await newsreel(["bad.nzb", "Big Film.nzb"]);
    expect(code).toBe(1);
    expect(stdout).toContain("film.mkv");
    expect(stderr).toBe("newsreel: bad.nzb: the NZB ends early\n  fetch it again\n");
  });

  test("hears a refusal that comes before all of the NZB was sent", async () => {
    await writeFile(join(dir, "huge.nzb"), Buffer.alloc(64 * 2 ** 20));
    await using early = await startRefusing();
    const { code, stderr } = await run(["import", "huge.nzb", "--url", early.url, "--user", "me:secret"], { cwd: dir });
    expect(code).toBe(1);
    expect(stderr).toContain("the NZB is too large");
  });

  test.each<[readonly string[], number, string]>([
    [["none.nzb"], 2, "none.nzb does not exist"],
    [["empty"], 2, "empty holds no .nzb file"],
    [["http://"], 2, "an address among the arguments is no URL"],
    [["Big Film.nzb", "--priority", "soon"], 2, "--priority takes low, normal, high, force"],
    [["Big Film.nzb", "Big Film.nzb", "--name", "x"], 2, "--name names one release, but there are 2 NZBs"],
    [[], 2, "import needs more arguments"],
  ])("%j sends nothing: exit code %d, %s", async (args, code, message) => {
    await mkdir(join(dir, "empty"));
    const outcome = await newsreel(args);
    expect(outcome.code).toBe(code);
    expect(outcome.stderr).toContain(message);
    expect(server.seen).toEqual([]);
  });

  test("stops following when it is told to stop", async () => {
    takeImports([{ ...COMPLETED, state: "waiting" }]);
    const interruption = new AbortController();
    server.on("GET /api/v1/imports/1", (_, res) => {
      json(res, { ...COMPLETED, state: "waiting" });
      interruption.abort(new Error("stopped by SIGINT"));
    });
    expect((await newsreel(["Big Film.nzb"], { signal: interruption.signal })).code).toBe(130);
  });

  test("ends with exit code 3 when the server goes away", async () => {
    await server[Symbol.asyncDispose]();
    const { code, stderr } = await newsreel(["Big Film.nzb", "Big Film.nzb"]);
    expect(code).toBe(3);
    expect(stderr.match(/cannot reach/g)).toHaveLength(1);
  });
});

/** Refuses an upload after its first bytes, and reads on a little so that the sender sees the answer. */
async function startRefusing(): Promise<{ readonly url: string } & AsyncDisposable> {
  const { createServer } = await import("node:http");
  const refusing = createServer((req, res) => {
    req.once("data", () => {
      json(res, { error: { code: "NZB_TOO_LARGE", message: "the NZB is too large", hint: null } }, 413);
      req.resume();
    });
  });
  await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
  const { port } = refusing.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      refusing.closeAllConnections();
      await new Promise((resolve) => refusing.close(resolve));
    },
  };
}
