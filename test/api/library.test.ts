import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type ApiServer, addRelease, startApi } from "./api-server.ts";

let api: ApiServer;
beforeAll(async () => {
  api = await startApi();
  addRelease(api.catalog, ["a.mkv", "b #1 ü.mkv", "c.srt"]);
});
afterAll(() => api[Symbol.asyncDispose]());

async function list(query: string) {
  const response = await api.fetch(`/api/v1/library${query}`);
  return {
    status: response.status,
    body: (await response.json()) as { next: string | null; entries: { name: string }[] },
  };
}

const RELEASE = "/library/movies/Ein Schöner Film";

describe("GET /api/v1/library", () => {
  test("shows the categories when asked for nothing", async () => {
    expect((await list("")).body).toEqual({
      path: "/dav/library",
      entries: [
        {
          id: api.catalog.find("movies")?.id,
          kind: "folder",
          name: "movies",
          path: "/dav/library/movies",
          size: 0,
          modifiedAt: expect.any(Number),
        },
      ],
      next: null,
    });
  });

  test.each([RELEASE, `/dav${RELEASE}`, `${RELEASE}/`, RELEASE.normalize("NFD")])(
    "takes %s for the same folder",
    async (path) => {
      const { body } = await list(`?path=${encodeURIComponent(path)}`);
      expect(body.entries.map(({ name }) => name)).toEqual(["a.mkv", "b #1 ü.mkv", "c.srt"]);
      expect(body.entries[1]).toMatchObject({ kind: "file", path: `/dav${RELEASE}/b #1 ü.mkv`, size: 100 });
    },
  );

  test("pages by name", async () => {
    const first = await list(`?limit=2&path=${encodeURIComponent(RELEASE)}`);
    expect(first.body.next).toBe("b #1 ü.mkv");
    const after = encodeURIComponent(first.body.next ?? "");
    const rest = await list(`?limit=2&after=${after}&path=${encodeURIComponent(RELEASE)}`);
    expect(rest.body).toMatchObject({ entries: [{ name: "c.srt" }], next: null });
  });

  test.each(["/library/nowhere", `${RELEASE}/a.mkv`, "/library/movies/a.mkv/x"])("answers 404 for %s", async (path) => {
    const { status, body } = await list(`?path=${encodeURIComponent(path)}`);
    expect([status, body]).toEqual([404, { error: expect.objectContaining({ code: "PATH_MISSING" }) }]);
  });

  test.each([
    "/etc",
    "movies",
    "/library/../x",
    "/library//x",
    "/library/a\u0000b",
    "/library/.",
    "/librarymovies",
    "/library/a\nb",
  ])("answers 400 for %j", async (path) => {
    const { status, body } = await list(`?path=${encodeURIComponent(path)}`);
    expect([status, body]).toEqual([400, { error: expect.objectContaining({ code: "BAD_PATH" }) }]);
  });
});
