import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { MessageId } from "../../src/base/message-id.ts";
import type { Entry } from "../../src/catalog/catalog.ts";
import { type ApiServer, addRelease, startApi } from "./api-server.ts";

const RELEASE = "movies/Ein Schöner Film";

let api: ApiServer;
let film: Entry;
beforeAll(async () => {
  api = await startApi();
  addRelease(api.catalog, ["a.mkv", "b.mkv"]);
  film = api.catalog.find(`${RELEASE}/a.mkv`) as Entry;
});
afterAll(() => api[Symbol.asyncDispose]());

async function damageOf(id: string | number): Promise<{ status: number; body: unknown }> {
  const response = await api.fetch(`/api/v1/files/${id}/damage`);
  return { status: response.status, body: await response.json() };
}

describe("GET /api/v1/files/<id>/damage", () => {
  test("a file that nobody has found damaged has no holes; its id is the one the library lists", async () => {
    const response = await api.fetch(`/api/v1/library?path=${encodeURIComponent(`/library/${RELEASE}`)}`);
    const { entries } = (await response.json()) as { entries: { id: number; name: string }[] };
    const { id } = entries.find(({ name }) => name === "b.mkv") as { id: number };
    expect(await damageOf(id)).toEqual({
      status: 200,
      body: {
        file: { id, path: `/dav/library/${RELEASE}/b.mkv`, size: 100 },
        policy: "fill",
        holes: [],
        bytes: 0,
        share: 0,
      },
    });
  });

  test("holes are told with their articles, how many bytes they are and what share of the file", async () => {
    const messageId = "0@example" as MessageId;
    api.catalog.damage.record(film.id, { start: 40, end: 60, messageId, kind: "missing" });
    api.catalog.damage.record(film.id, { start: 10, end: 15, messageId: undefined, kind: "corrupt" });
    const [first, second] = api.catalog.damage.list(film.id);
    expect(await damageOf(film.id)).toMatchObject({
      body: {
        holes: [
          { start: 10, end: 15, messageId: null, kind: "corrupt", since: first?.since, lastSeen: first?.lastSeen },
          { start: 40, end: 60, messageId, kind: "missing", since: second?.since, lastSeen: second?.lastSeen },
        ],
        bytes: 25,
        share: 0.25,
      },
    });
  });

  test.each(["999999", "0", "-1", "1e3", "1.0", "%31%20", "99999999999999999999", "x"])(
    "there is no file %s",
    async (id) => {
      expect(await damageOf(id)).toEqual({
        status: 404,
        body: { error: expect.objectContaining({ code: "NOT_FOUND" }) },
      });
    },
  );

  test("a folder is not a file", async () => {
    expect((await damageOf(api.catalog.find("movies")?.id as number)).status).toBe(404);
  });
});
