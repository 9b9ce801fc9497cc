import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type ApiServer, addRelease, startApi } from "./api-server.ts";

interface Item {
  readonly id: number;
  readonly path: string;
}
interface Page {
  readonly items: readonly Item[];
  readonly next: string | null;
}

let api: ApiServer;
beforeAll(async () => {
  api = await startApi();
  addRelease(api.catalog, ["a.mkv", "b.mkv", "c.mkv"], { name: "Film" });
});
afterAll(() => api[Symbol.asyncDispose]());

const page = async (query = "") => (await (await api.fetch(`/api/v1/trash${query}`)).json()) as Page;
const remove = async (path: string) => {
  api.catalog.remove(`movies/${path}`);
  return (await page()).items.find((item) => item.path === `/dav/library/movies/${path}`)?.id;
};

describe("the trash over the API", () => {
  test("lists what was removed, a page at a time, each thing once", async () => {
    for (const name of ["a.mkv", "b.mkv", "c.mkv"]) api.catalog.remove(`movies/Film/${name}`);
    const { items, next } = await page();
    expect(next).toBeNull();
    expect(items[0]).toEqual({
      id: expect.any(Number),
      kind: "file",
      path: expect.stringMatching(/^\/dav\/library\/movies\/Film\/.\.mkv$/),
      size: 100,
      removedAt: expect.any(Number),
    });
    const paged: Item[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const one: Page = await page(`?limit=1&after=${after}`);
      paged.push(...one.items);
      after = one.next;
    }
    expect(paged).toEqual(items);
    expect(paged).toHaveLength(3);
  });

  test("gives back what is asked for, where it stood or beside what has come since", async () => {
    const item = (await page()).items.find(({ path }) => path.endsWith("/a.mkv"));
    const back = await api.fetch(`/api/v1/trash/${item?.id}/restore`, { method: "POST" });
    expect([back.status, await back.json()]).toEqual([200, { id: item?.id, path: "/dav/library/movies/Film/a.mkv" }]);
    expect(api.catalog.find("movies/Film/a.mkv")).toBeDefined();
    const again = await api.fetch(`/api/v1/trash/${item?.id}/restore`, { method: "POST" });
    expect([again.status, await again.json()]).toMatchObject([404, { error: { code: "PATH_MISSING" } }]);
  });

  test("deletes for good", async () => {
    const id = await remove("Film/a.mkv");
    const gone = await api.fetch(`/api/v1/trash/${id}`, { method: "DELETE" });
    expect([gone.status, await gone.json()]).toEqual([200, { id }]);
    expect((await page()).items.some((item) => item.id === id)).toBe(false);
    expect((await api.fetch(`/api/v1/trash/${id}/restore`, { method: "POST" })).status).toBe(404);
  });

  test("deletes a large folder in steps, and answers others in between", async () => {
    const names = Array.from({ length: 2500 }, (_, index) => `${index}.mkv`);
    addRelease(api.catalog, names, { name: "Many" });
    const id = await remove("Many");
    const steps: number[] = [];
    const { trash } = api.catalog;
    const purge = trash.purge.bind(trash);
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    Object.assign(trash, {
      purge(item: Parameters<typeof purge>[0], limit: number) {
        steps.push(turns);
        return purge(item, limit);
      },
    });
    setImmediate(count);
    const gone = await api.fetch(`/api/v1/trash/${id}`, { method: "DELETE" });
    isDone = true;
    Object.assign(trash, { purge });
    expect(gone.status).toBe(200);
    expect(steps.length).toBeGreaterThan(5);
    // Each step had a turn of the loop of its own.
    expect(new Set(steps).size).toBe(steps.length);
    expect(api.catalog.stats().files).toBe(2);
  });

  test.each(["0", "x", "-5", "1.0"])("has nothing called %s", async (id) => {
    expect((await api.fetch(`/api/v1/trash/${id}`, { method: "DELETE" })).status).toBe(404);
    expect((await api.fetch(`/api/v1/trash/${id}/restore`, { method: "POST" })).status).toBe(404);
  });

  test.each(["1", "1-", "-1", "a-b", "1-2-3"])("does not go on after %s", async (after) => {
    expect((await api.fetch(`/api/v1/trash?after=${after}`)).status).toBe(400);
  });
});
