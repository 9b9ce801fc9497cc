import { describe, expect, test } from "@jest/globals";
import { isLitterName } from "../../src/mount/client-litter.ts";
import { rejection } from "../import/workshop.ts";
import { MIB, nzb, Shelf } from "./shelf.ts";

const HOUR = 60 * 60 * 1000;
const refused = (work: () => unknown) => rejection((async () => work())());

/** Counts what the catalog is asked. */
function countQueries(shelf: Shelf): () => number {
  let queries = 0;
  for (const tree of [shelf.catalog, shelf.catalog.drops]) {
    const { find, list } = tree;
    Object.assign(tree, {
      find: (path: string) => {
        queries += 1;
        return find(path);
      },
      list: (...call: Parameters<typeof list>) => {
        queries += 1;
        return list(...call);
      },
    });
  }
  return () => queries;
}

describe("helper files of the clients' systems", () => {
  test.each(["._a.mkv", "._", ".DS_Store", "Thumbs.db", "thumbs.db", "desktop.ini", "Desktop.ini", "AutoRun.inf"])(
    "%s is one",
    (name) => expect(isLitterName(name)).toBe(true),
  );
  test.each([".nfo", "_a.mkv", ".hidden.mkv", "desktop.ini.txt", "Thumbs.db2", "a._b"])("%s is none", (name) =>
    expect(isLitterName(name)).toBe(false),
  );

  test("that are not there cost no query, whoever asks and wherever", async () => {
    await using shelf = await Shelf.open();
    shelf.addFilm();
    const queries = countQueries(shelf);
    for (const folder of ["", "/library", "/library/movies/Film", "/nzbs/tv", "/.Trashes/501"]) {
      for (const name of ["._film.mkv", ".DS_Store", "desktop.ini"]) {
        expect(shelf.find(`${folder}/${name}`)).toBeUndefined();
      }
    }
    expect(queries()).toBe(0);
  });

  test("are taken, read, given properties, renamed and removed, and never listed", async () => {
    await using shelf = await Shelf.open();
    shelf.addFilm();
    const at = "/library/movies/Film";
    expect(await shelf.put(`${at}/._a`, "fork")).toBe("created");
    expect(await shelf.put(`${at}/._a`, "forked")).toBe("replaced");
    shelf.setProperty(`${at}/._a`, "a", "1");
    expect(await shelf.text(`${at}/._a`)).toBe("forked");
    await shelf.copy(`${at}/._a`, `${at}/._c`);
    await shelf.move(`${at}/._a`, `${at}/._b`);
    expect(shelf.find(`${at}/._a`)).toBeUndefined();
    for (const name of ["._b", "._c"]) {
      expect(shelf.find(`${at}/${name}`)).toMatchObject({ name, size: 6, properties: [{ local: "a" }] });
    }
    expect(shelf.names(at)).toEqual(["film.mkv"]);
    shelf.remove(`${at}/._b`);
    expect(shelf.find(`${at}/._b`)).toBeUndefined();
    expect(await refused(() => shelf.remove(`${at}/._b`))).toMatchObject({ code: "PATH_MISSING" });
    expect([shelf.catalog.find("movies/Film/._c"), shelf.catalog.trash.list({ limit: 1 })]).toEqual([undefined, []]);
  });

  test("are forgotten after an hour, and with their folder", async () => {
    await using shelf = await Shelf.open();
    shelf.addFilm();
    await shelf.put("/library/movies/Film/._a", "fork");
    shelf.clock.advance(HOUR - 1);
    expect(shelf.find("/library/movies/Film/._a")?.size).toBe(4);
    shelf.clock.advance(2);
    expect(shelf.find("/library/movies/Film/._a")).toBeUndefined();
    await shelf.put("/library/movies/Film/._a", "fork");
    shelf.remove("/library/movies/Film");
    expect(shelf.find("/library/movies/Film/._a")).toBeUndefined();
  });

  test("are at most 1 MiB each, and the latest 16 MiB of them", async () => {
    await using shelf = await Shelf.open();
    const refusal = { code: "BODY_TOO_LARGE", hint: expect.stringContaining("helper file") };
    expect(await rejection(shelf.put("/nzbs/tv/._x", "", MIB + 1))).toMatchObject(refusal);
    const endless = (function* () {
      for (;;) yield Buffer.alloc(MIB / 2);
    })();
    expect(await rejection(shelf.put("/nzbs/tv/._x", endless))).toMatchObject(refusal);
    for (let number = 0; number < 20; number += 1) await shelf.put(`/nzbs/tv/._${number}`, Buffer.alloc(MIB));
    const kept = Array.from({ length: 20 }, (_, number) => number).filter((number) =>
      shelf.find(`/nzbs/tv/._${number}`),
    );
    expect(kept).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  test("on their way in are bounded together", async () => {
    await using shelf = await Shelf.open();
    let goOn: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const slow = () =>
      (async function* () {
        yield Buffer.alloc(MIB);
        await gate;
      })();
    const puts = Array.from({ length: 17 }, (_, number) => shelf.put(`/nzbs/tv/._${number}`, slow()));
    expect(await rejection(puts[16] as Promise<unknown>)).toMatchObject({ code: "NOT_READY" });
    goOn();
    await Promise.all(puts.slice(0, 16));
    expect(await shelf.put("/nzbs/tv/._16", Buffer.alloc(MIB))).toBe("created");
  });

  test("never become other files, nor the other way round, and have no folders", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/tv/._a.nzb", nzb(1));
    await shelf.put("/nzbs/tv/a.txt", "text");
    for (const change of [
      () => shelf.move("/nzbs/tv/._a.nzb", "/nzbs/tv/a.nzb"),
      () => shelf.copy("/nzbs/tv/a.txt", "/nzbs/tv/.DS_Store"),
      () => shelf.make("/nzbs/tv/.Trashes"),
    ]) {
      expect(await refused(change)).toMatchObject({ code: "FORBIDDEN" });
    }
    expect(await rejection(shelf.put("/nzbs/nowhere/._a", "x"))).toMatchObject({ code: "PARENT_MISSING" });
    expect(await rejection(shelf.put("/nzbs/tv/._a.nzb/._b", "x"))).toMatchObject({ code: "PARENT_MISSING" });
    expect([shelf.jobs(), shelf.names("/nzbs/tv")]).toEqual([[], ["a.txt"]]);
  });

  test("that somebody has posted are not shown, and no page is short for that", async () => {
    await using shelf = await Shelf.open();
    const names = ["._a.mkv", "._b.mkv", "Thumbs.db", "a.mkv", "b.mkv", "desktop.ini"];
    shelf.catalog.addRelease({
      category: "tv",
      name: "Litter",
      digest: "litter",
      posts: [],
      files: names.map((path) => ({ path, runs: [], modifiedAt: 0 })),
    });
    for (const limit of [1, 2, 3, 100]) expect(shelf.paged("/library/tv/Litter", limit)).toEqual(["a.mkv", "b.mkv"]);
  });
});

describe.each([".metadata_never_index", ".ql_disablethumbnails"])("%s", (name) => {
  test("is an empty file in every folder there is, never listed", async () => {
    await using shelf = await Shelf.open();
    shelf.addFilm();
    for (const folder of ["", "/library", "/library/movies/Film", "/nzbs/tv"]) {
      const marker = shelf.find(`${folder}/${name}`);
      expect(marker).toMatchObject({ kind: "resource", name, size: 0, content: new Uint8Array() });
      expect(shelf.find(`${folder}/${name}`)).toEqual(marker);
      expect(await shelf.text(`${folder}/${name}`)).toBe("");
      expect(shelf.names(folder)).not.toContain(name);
    }
    expect(shelf.find(`/library/nowhere/${name}`)).toBeUndefined();
    expect(shelf.find(`/library/movies/Film/film.mkv/${name}`)).toBeUndefined();
    expect(await refused(() => shelf.remove(`/library/${name}`))).toMatchObject({ code: "FORBIDDEN" });
  });
});
