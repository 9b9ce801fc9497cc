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
    [["https://indexer.example/x.nzb"], 2, "import takes files, not addresses"],
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
