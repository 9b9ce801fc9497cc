import { describe, expect, test } from "@jest/globals";
import { NzbDrop, type NzbIntake } from "../../src/mount/nzb-drop.ts";
import { ManualClock } from "../manual-clock.ts";

interface Taken {
  readonly fileName: string;
  readonly category: string;
  readonly bytes: number;
}

/** A drop whose intake reads what it is given, or refuses it. */
function openDrop(refusal?: Error) {
  const clock = new ManualClock();
  // The cache takes a time of 0 for none.
  clock.advance(1);
  const taken: Taken[] = [];
  const intake: NzbIntake = {
    async submit({ body, fileName, category }) {
      let bytes = 0;
      for await (const chunk of body) bytes += chunk.length;
      if (refusal !== undefined) throw refusal;
      taken.push({ fileName, category, bytes });
    },
  };
  const drop = new NzbDrop({ intake, clock, categories: () => ["anime", "tv"] });
  const put = (path: readonly string[], ...chunks: readonly string[]) => {
    const body = (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk);
    })();
    return drop.put(path, { body, length: undefined, signal: new AbortController().signal });
  };
  return { clock, taken, drop, put };
}

const names = (drop: NzbDrop, path: readonly string[]) => drop.list(path).map(({ name }) => name);

describe("the folder that takes NZBs", () => {
  test("shows the usual categories and those of the library, each once, in order", () => {
    const { drop } = openDrop();
    expect(names(drop, [])).toEqual(["anime", "default", "movies", "music", "tv"]);
  });

  test("any other name is a category too, so that a new one can be begun", () => {
    const { drop } = openDrop();
    expect(drop.find(["brand new"])).toMatchObject({ kind: "collection", name: "brand new" });
    expect(drop.list(["brand new"])).toEqual([]);
  });

  test.each(["film.nzb", "FILM.NZB.GZ"])("%s beside the categories is no category", (name) => {
    expect(openDrop().drop.find([name])).toBeUndefined();
  });

  test("hands on what is put, and shows it with its size, in its category only", async () => {
    const { drop, put, taken } = openDrop();
    expect(await put(["tv", "b.nzb"], "1234", "567")).toBe("created");
    expect(await put(["tv", "a.nzb.gz"], "12")).toBe("created");
    expect(taken).toEqual([
      { fileName: "b.nzb", category: "tv", bytes: 7 },
      { fileName: "a.nzb.gz", category: "tv", bytes: 2 },
    ]);
    expect(names(drop, ["tv"])).toEqual(["a.nzb.gz", "b.nzb"]);
    expect(drop.find(["tv", "b.nzb"])).toMatchObject({ kind: "resource", size: 7 });
    expect(drop.list(["movies"])).toEqual([]);
    expect(drop.find(["movies", "b.nzb"])).toBeUndefined();
  });

  test("what is put again is replaced", async () => {
    const { drop, put } = openDrop();
    await put(["tv", "a.nzb"], "1");
    expect(await put(["tv", "a.nzb"], "1234")).toBe("replaced");
    expect(drop.find(["tv", "a.nzb"])).toMatchObject({ size: 4 });
  });

  test("what was refused is not shown", async () => {
    const { drop, put } = openDrop(new Error("no nzb"));
    await expect(put(["tv", "a.nzb"], "1")).rejects.toThrow("no nzb");
    expect(drop.find(["tv", "a.nzb"])).toBeUndefined();
  });

  test("forgets after an hour", async () => {
    const { clock, drop, put } = openDrop();
    await put(["tv", "a.nzb"], "1");
    clock.advance(60 * 60 * 1000 - 1);
    expect(names(drop, ["tv"])).toEqual(["a.nzb"]);
    clock.advance(2);
    expect(names(drop, ["tv"])).toEqual([]);
    expect(drop.find(["tv", "a.nzb"])).toBeUndefined();
  });

  test("remembers no more than a thousand", async () => {
    const { drop, put } = openDrop();
    for (let number = 0; number < 1_001; number += 1) await put(["tv", `${number}.nzb`], "1");
    expect(drop.list(["tv"])).toHaveLength(1_000);
    expect(drop.find(["tv", "0.nzb"])).toBeUndefined();
  });
});
