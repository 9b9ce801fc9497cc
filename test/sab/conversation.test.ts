import { describe, expect, test } from "@jest/globals";
import { FormatError } from "../../src/base/errors.ts";
import type { ArrSettings } from "./arr-client.ts";
import { COMPLETE, freshNzb, openSab } from "./sab-house.ts";

const ARRS: readonly (readonly [string, Partial<ArrSettings>, string])[] = [
  ["Sonarr", { category: "tv", kind: "tv" }, "Show.S01E01.1080p.WEB-DL-GRP"],
  ["Radarr", { category: "movies", kind: "movies" }, "Ein.schöner.Film.2025.2160p-GRP"],
];

describe("the whole conversation", () => {
  test.each(ARRS)("T11 of %s, from the Test button to the removal", async (_, settings, title) => {
    await using house = await openSab();
    const arr = house.arr(settings);
    const { category } = settings;
    expect(await arr.test()).toEqual([]);
    await house.client.call("pause");

    const id = await arr.grab(title, freshNzb());
    const track = async () => {
      const items = await arr.items();
      expect(items).toHaveLength(1);
      expect(items[0]).toMatchObject({ id, title, category, isEncrypted: false });
      return items[0];
    };
    expect(await track()).toMatchObject({ status: "Paused", remainingTime: undefined });
    await house.client.call("resume");
    const run = await house.runOf(id);
    expect(await track()).toMatchObject({ status: "Downloading", outputPath: "" });
    house.clock.advance(10_000);
    run.progress(0.25);
    const half = await track();
    expect([half?.remainingTime, (half?.remainingSize ?? 0) / (half?.totalSize ?? 1)]).toEqual([
      30,
      expect.closeTo(0.75, 2),
    ]);
    run.complete({ mustAnnounce: true });
    await house.state(id, "completed");
    expect(await track()).toMatchObject({ status: "Downloading", outputPath: "" });
    house.catalog.completed.setReady(run.job.id);
    expect(await track()).toMatchObject({ status: "Completed", outputPath: `${COMPLETE}/${category}/${title}` });

    // It moves what is in the folder, removes the folder itself, and then the job.
    expect(house.catalog.completed.remove(run.job.id)).toBe(true);
    expect(await track()).toMatchObject({ status: "Completed", outputPath: `${COMPLETE}/${category}/${title}` });
    await arr.removeItem(id);
    expect(await arr.items()).toEqual([]);
    expect(house.catalog.find(`${category}/${title}/${title}.mkv`)?.kind).toBe("file");
    await arr.removeItem(id);
  });

  test.each(ARRS)("T11 of %s about a release that fails", async (_, settings, title) => {
    await using house = await openSab();
    const arr = house.arr(settings);
    const id = await arr.grab(title, freshNzb());
    (await house.runOf(id)).fail(
      new FormatError("ARCHIVE_INCOMPLETE", "Missing articles: 14 of 1,866 (all providers)"),
    );
    await house.state(id, "failed");
    expect((await arr.items())[0]).toMatchObject({
      id,
      title,
      status: "Failed",
      message: "Missing articles: 14 of 1,866 (all providers)",
    });
    await arr.removeItem(id, { archive: 0 });
    expect(await arr.items()).toEqual([]);
    expect(house.jobs.count({})).toBe(0);
    // The search for another one may well find the same.
    expect(await arr.grab(title, freshNzb())).not.toBe(id);
  });

  test("T11 of two of them at once does not mix their jobs", async () => {
    await using house = await openSab();
    const [sonarr, radarr] = ARRS.map(([, settings]) => house.arr(settings));
    await sonarr?.grab("Show", freshNzb());
    await radarr?.grab("Film", freshNzb());
    expect((await sonarr?.items())?.map(({ title }) => title)).toEqual(["Show"]);
    expect((await radarr?.items())?.map(({ title }) => title)).toEqual(["Film"]);
  });

  test("T11 makes the requests that they make", async () => {
    await using house = await openSab();
    const arr = house.arr();
    const id = await arr.grab("Show", freshNzb());
    (await house.runOf(id)).complete();
    await house.state(id, "completed");
    await arr.items();
    await arr.removeItem(id);
    expect(arr.asked).toEqual([
      "POST addfile&cat=tv&priority=-100",
      "GET queue&start=0&limit=0&category=tv",
      "GET history&start=0&limit=60&category=tv",
      "GET queue&start=0&limit=0&category=tv",
      `GET history&name=delete&del_files=1&value=${id}&archive=1`,
    ]);
  });
});
