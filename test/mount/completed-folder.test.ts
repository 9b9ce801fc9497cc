import { describe, expect, test } from "@jest/globals";
import { errorCode } from "../../src/base/errors.ts";
import { complete, MODIFIED_AT, sizeOf, standInsOf } from "./completed-shelf.ts";
import { Shelf } from "./shelf.ts";

const FILM = "Show S01E01.mkv";
const JOB = "/completed/tv/Show S01E01";
const RELEASE = "/library/tv/Show S01E01";

async function codeOf(call: () => unknown): Promise<string | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return errorCode(error);
  }
}

describe("completed jobs", () => {
  test("have a folder each in their category's, which is there while the configuration names it or something is in it", async () => {
    await using shelf = await Shelf.open({ categories: ["tv", "movies"] });
    expect(shelf.names("/")).toEqual(["completed", "library", "nzbs"]);
    expect(shelf.names("/completed")).toEqual(["movies", "tv"]);
    expect(shelf.names("/completed/tv")).toEqual([]);
    expect(shelf.find("/completed/anime")).toBeUndefined();
    complete(shelf.catalog, { category: "anime" });
    complete(shelf.catalog);
    complete(shelf.catalog);
    expect(shelf.names("/completed")).toEqual(["anime", "movies", "tv"]);
    expect(shelf.paged("/completed", 1)).toEqual(["anime", "movies", "tv"]);
    expect(shelf.names("/completed/tv")).toEqual(["Show S01E01", "Show S01E01 (2)"]);
    expect(shelf.paged("/completed/tv", 1)).toEqual(["Show S01E01", "Show S01E01 (2)"]);
    for (const path of ["/completed", "/completed/anime", "/completed/tv", JOB]) {
      expect(shelf.find(path)).toMatchObject({ kind: "collection", name: path.split("/").at(-1) });
    }
    expect(shelf.find("/completed/tv/Other")).toBeUndefined();
    expect(shelf.find(`${JOB}/${FILM}/below`)).toBeUndefined();
  });

  test("show times that stay as they are", async () => {
    await using shelf = await Shelf.open();
    complete(shelf.catalog);
    const paths = ["/completed", "/completed/tv", JOB, `${JOB}/${FILM}.rclonelink`];
    const times = () => paths.map((path) => [shelf.find(path)?.createdAt, shelf.find(path)?.modifiedAt]);
    const before = times();
    shelf.clock.advance(86_400_000);
    complete(shelf.catalog);
    await shelf.reopen();
    expect(times()).toEqual(before);
  });

  test("show everything at any depth, each name as it is found, whatever the size of a page", async () => {
    await using shelf = await Shelf.open();
    const files = ["a.mkv", "a b.mkv", "a.mkv.nfo", "extras/deep/c.mkv", "extras/b.mkv", "Thumbs.db"];
    complete(shelf.catalog, { files });
    const top = ["a b.mkv.rclonelink", "a.mkv.nfo.rclonelink", "a.mkv.rclonelink", "extras"];
    expect(shelf.names(JOB).toSorted()).toEqual([...top, "Thumbs.db.rclonelink"].toSorted());
    for (const limit of [1, 2, 3]) expect(shelf.paged(JOB, limit)).toEqual(shelf.names(JOB));
    expect(shelf.names(`${JOB}/extras`).toSorted()).toEqual(["b.mkv.rclonelink", "deep"]);
    expect(shelf.names(`${JOB}/extras/deep`)).toEqual(["c.mkv.rclonelink"]);
    expect(shelf.names(`${JOB}/a.mkv.rclonelink`)).toEqual([]);
    const listed = shelf.tree.list(["completed", "tv", "Show S01E01"], undefined, 10);
    for (const entry of listed) expect(shelf.find(`${JOB}/${entry.name}`)).toEqual(entry);
  });
});

describe("style rclonelink", () => {
  test("shows a link for each file: its text leads to the library as it stands now, its etag and size follow", async () => {
    await using shelf = await Shelf.open();
    complete(shelf.catalog);
    const link = `${JOB}/${FILM}.rclonelink`;
    const before = shelf.find(link);
    expect(before).toMatchObject({ kind: "resource", modifiedAt: MODIFIED_AT, contentType: "text/plain" });
    expect(await shelf.text(link)).toBe(`/mnt/newsreel/library/tv/Show S01E01/${FILM}`);
    expect(shelf.find(`${JOB}/${FILM}`)).toBeUndefined();
    await shelf.reopen();
    expect(shelf.find(link)).toEqual(before);

    shelf.make("/library/shows");
    await shelf.move(RELEASE, "/library/shows/Show");
    expect(await shelf.text(link)).toBe(`/mnt/newsreel/library/shows/Show/${FILM}`);
    expect(shelf.find(link)?.etag).not.toBe(before?.etag);
    await shelf.move("/library/shows/Show", RELEASE);
    expect(shelf.find(link)).toEqual(before);
  });

  test("takes the separators of the machine that has the mount", () => {
    const link = (mountPath: string) =>
      standInsOf("rclonelink", { mountPath }).textOf({ name: "b.mkv", libraryPath: "tv/a/b.mkv" });
    expect(link("/")).toBe("/library/tv/a/b.mkv");
    expect(link("/mnt/n")).toBe("/mnt/n/library/tv/a/b.mkv");
    expect(link("N:")).toBe("N:\\library\\tv\\a\\b.mkv");
    expect(link("\\\\nas\\news")).toBe("\\\\nas\\news\\library\\tv\\a\\b.mkv");
  });

  test("a link that is moved or copied to the library becomes a small file with its text", async () => {
    await using shelf = await Shelf.open();
    complete(shelf.catalog);
    const text = await shelf.text(`${JOB}/${FILM}.rclonelink`);
    shelf.make("/library/shows");
    await shelf.copy(`${JOB}/${FILM}.rclonelink`, "/library/shows/copy.mkv.rclonelink");
    expect(await shelf.text("/library/shows/copy.mkv.rclonelink")).toBe(text);
    expect(shelf.names(JOB)).toEqual([`${FILM}.rclonelink`]);
    await shelf.move(`${JOB}/${FILM}.rclonelink`, "/library/shows/1.mkv.rclonelink");
    expect(await shelf.text("/library/shows/1.mkv.rclonelink")).toBe(text);
    expect(shelf.names(JOB)).toEqual([]);
    expect(shelf.names(RELEASE)).toEqual([FILM]);
    expect(await codeOf(() => shelf.move(JOB, "/library/shows/folder"))).toBe("FORBIDDEN");
  });
});

describe("style strm", () => {
  test("shows a URL for what can be played, and the file itself for anything else", async () => {
    await using shelf = await Shelf.open({ standIns: standInsOf("strm") });
    complete(shelf.catalog, { name: "É #1", files: ["É 100%.mkv", "É.nfo"] });
    expect(shelf.names("/completed/tv/É #1")).toEqual(["É 100%.mkv.strm", "É.nfo"]);
    expect(await shelf.text("/completed/tv/É #1/É 100%.mkv.strm")).toBe(
      "http://me:pw@nas:8119/news/dav/library/tv/%C3%89%20%231/%C3%89%20100%25.mkv\n",
    );
    expect(shelf.find("/completed/tv/É #1/É.nfo")?.size).toBe(sizeOf("É.nfo"));
    expect(shelf.find("/completed/tv/É #1/É.nfo.strm")).toBeUndefined();
    expect(shelf.find("/completed/tv/É #1/É 100%.mkv")).toBeUndefined();
  });

  test("is refused at the start without an address or a folder", () => {
    expect(() => standInsOf("strm", { strmFolder: "" })).toThrow("needs completed.strmFolder and strmUrl");
  });
});

describe("style files", () => {
  const open = () => Shelf.open({ standIns: standInsOf("files") });

  test("shows the library's files: size, tag and times are the same", async () => {
    await using shelf = await open();
    complete(shelf.catalog, { files: [FILM, "x.nfo", "Thumbs.db"] });
    expect(shelf.names(JOB)).toEqual([FILM, "x.nfo"]);
    for (const name of [FILM, "x.nfo"]) expect(shelf.find(`${JOB}/${name}`)).toEqual(shelf.find(`${RELEASE}/${name}`));
    await shelf.put(`${RELEASE}/made.nfo`, "later");
    expect(shelf.names(JOB)).toEqual([FILM, "x.nfo"]);
  });

  test("a file that is moved to the library takes the library's own to that place, and what is there is replaced", async () => {
    await using shelf = await open();
    complete(shelf.catalog, { files: [FILM, "x.nfo"] });
    const { etag } = shelf.find(`${RELEASE}/${FILM}`) ?? {};
    shelf.make("/library/shows");
    await shelf.put("/library/shows/1.mkv", "an older one");
    await shelf.move(`${JOB}/${FILM}`, "/library/shows/1.mkv");
    expect(shelf.find("/library/shows/1.mkv")?.etag).toBe(etag);
    expect(shelf.names(RELEASE)).toEqual(["x.nfo"]);
    expect(shelf.names(JOB)).toEqual(["x.nfo"]);
    await shelf.copy(`${JOB}/x.nfo`, "/library/shows/1.nfo");
    expect(shelf.names("/library/shows")).toEqual(["1.mkv", "1.nfo"]);
    expect(shelf.names(RELEASE)).toEqual(["x.nfo"]);
    expect(shelf.names(JOB)).toEqual(["x.nfo"]);
  });

  test("a file that is moved to where the library has it is only taken away here", async () => {
    await using shelf = await open();
    complete(shelf.catalog);
    await shelf.copy(`${JOB}/${FILM}`, `${RELEASE}/${FILM}`);
    await shelf.move(`${JOB}/${FILM}`, `${RELEASE}/${FILM}`);
    expect(shelf.names(RELEASE)).toEqual([FILM]);
    expect(shelf.names(JOB)).toEqual([]);
  });

  test("a whole folder goes as one, with everything in it", async () => {
    await using shelf = await open();
    complete(shelf.catalog, { files: [FILM, "extras/b.mkv"] });
    shelf.make("/library/shows");
    await shelf.copy(JOB, "/library/shows/Copy");
    expect(shelf.names("/library/shows/Copy")).toEqual([FILM, "extras"]);
    expect(shelf.names(JOB)).toEqual([FILM, "extras"]);
    await shelf.move(`${JOB}/extras`, "/library/shows/Extras");
    expect(shelf.names("/library/shows/Extras")).toEqual(["b.mkv"]);
    await shelf.move(JOB, "/library/shows/Show");
    expect(shelf.names("/library/shows/Show")).toEqual([FILM]);
    expect(shelf.find(RELEASE)).toBeUndefined();
    expect(shelf.find(JOB)).toBeUndefined();
  });

  test("a folder of which the library has no counterpart of its own stays, and so does the library", async () => {
    await using shelf = await open();
    complete(shelf.catalog, { files: [FILM, "b.mkv"] });
    shelf.make("/library/shows");
    // Beside others: the folder of all shows would go along.
    await shelf.put(`${RELEASE}/mine.nfo`, "mine");
    expect(await codeOf(() => shelf.move(JOB, "/library/shows/Show"))).toBe("FORBIDDEN");
    await shelf.move(`${RELEASE}/${FILM}`, "/library/shows/elsewhere.mkv");
    expect(await codeOf(() => shelf.move(JOB, "/library/shows/Show"))).toBe("FORBIDDEN");
    expect(await codeOf(() => shelf.copy(JOB, "/library/shows/Show"))).toBe("FORBIDDEN");
    expect(shelf.names(JOB)).toEqual([FILM, "b.mkv"].toSorted());
    // A category is not one import's, even while it holds nothing else.
    await shelf.move(`${RELEASE}/b.mkv`, "/library/b.mkv");
    await shelf.move("/library/shows/elsewhere.mkv", `/library/${FILM}`);
    expect(await codeOf(() => shelf.move(JOB, "/library/shows/Show"))).toBe("FORBIDDEN");
  });
});

describe("taking away", () => {
  test("files, folders and whole jobs go at once, and the library stays as it is", async () => {
    await using shelf = await Shelf.open();
    complete(shelf.catalog, { files: [FILM, "extras/b.mkv", "extras/deep/c.mkv", "d.mkv"] });
    const before = shelf.catalog.stats();
    // As .NET and rm do it: files first, then each folder once it is empty.
    shelf.remove(`${JOB}/extras/deep/c.mkv.rclonelink`);
    expect(shelf.names(`${JOB}/extras/deep`)).toEqual([]);
    expect(shelf.find(`${JOB}/extras/deep`)?.kind).toBe("collection");
    shelf.remove(`${JOB}/extras/deep`);
    expect(shelf.names(`${JOB}/extras`)).toEqual(["b.mkv.rclonelink"]);
    // As Finder and Windows do it.
    shelf.remove(`${JOB}/extras`);
    expect(shelf.names(JOB).toSorted()).toEqual([`${FILM}.rclonelink`, "d.mkv.rclonelink"].toSorted());
    shelf.remove(JOB);
    expect(shelf.find(JOB)).toBeUndefined();
    expect(shelf.names("/completed/tv")).toEqual([]);
    expect(shelf.names(RELEASE).toSorted()).toEqual([FILM, "d.mkv", "extras"].toSorted());
    expect(shelf.names(`${RELEASE}/extras/deep`)).toEqual(["c.mkv"]);
    expect(shelf.catalog.stats()).toEqual(before);
    expect(shelf.catalog.trash.list({ limit: 10 })).toEqual([]);
    expect(await codeOf(() => shelf.remove(JOB))).toBe("PATH_MISSING");
    expect(await codeOf(() => shelf.remove("/completed/tv"))).toBe("FORBIDDEN");
    expect(await codeOf(() => shelf.remove("/completed"))).toBe("FORBIDDEN");
  });

  test("is for jobs and what is in them, nothing else", async () => {
    await using shelf = await Shelf.open();
    const isForTaking = (path: string) => shelf.tree.isForTaking(path.split("/").filter(Boolean));
    for (const path of [JOB, `${JOB}/x`, "/completed/a/b/c/d"]) expect(isForTaking(path)).toBe(true);
    for (const path of ["/", "/completed", "/completed/tv", "/library/tv/x", "/nzbs/tv/x"]) {
      expect({ path, isForTaking: isForTaking(path) }).toEqual({ path, isForTaking: false });
    }
  });

  test("what the library no longer has is not shown any more, and the folder can still be taken away", async () => {
    await using shelf = await Shelf.open();
    complete(shelf.catalog);
    shelf.remove(RELEASE);
    expect(shelf.names(JOB)).toEqual([]);
    shelf.remove(JOB);
    expect(shelf.names("/completed/tv")).toEqual([]);
  });

  test("a helper file that a client leaves is taken, and does not keep a folder from looking empty", async () => {
    await using shelf = await Shelf.open();
    complete(shelf.catalog);
    await shelf.put(`${JOB}/.DS_Store`, "finder");
    shelf.remove(`${JOB}/${FILM}.rclonelink`);
    expect(shelf.names(JOB)).toEqual([]);
    shelf.remove(JOB);
    expect(shelf.find(`${JOB}/.DS_Store`)).toBeUndefined();
  });
});

test("nothing can be made, changed or brought here", async () => {
  await using shelf = await Shelf.open();
  complete(shelf.catalog);
  const film = shelf.addFilm();
  const refused = [
    () => shelf.put(`${JOB}/new.nfo`, "x"),
    () => shelf.put(`${JOB}/${FILM}.rclonelink`, "x"),
    () => shelf.put("/completed/tv/new.mkv", "x"),
    () => shelf.make(`${JOB}/new`),
    () => shelf.make("/completed/new"),
    () => shelf.setProperty(JOB, "a", "b"),
    () => shelf.move(`${JOB}/${FILM}.rclonelink`, `${JOB}/other`),
    () => shelf.copy(JOB, "/completed/tv/Copy"),
    () => shelf.move(film, `${JOB}/film.mkv`),
    () => shelf.move(JOB, "/nzbs/tv/x"),
    () => shelf.copy(`${JOB}/${FILM}.rclonelink`, "/nzbs/tv/x.nzb"),
    () => shelf.move("/completed/tv", "/library/tv2"),
  ];
  for (const call of refused) expect(await codeOf(call)).toBe("FORBIDDEN");
  expect(shelf.names(JOB)).toEqual([`${FILM}.rclonelink`]);
});

test("a read-only library refuses every change but taking away what is completed", async () => {
  await using shelf = await Shelf.open({ isReadOnly: true, standIns: standInsOf("files") });
  complete(shelf.catalog);
  const refused = [
    () => shelf.put("/library/tv/x.nfo", "x"),
    () => shelf.put("/nzbs/tv/x.nzb", "x"),
    () => shelf.put("/library/tv/._x", "x"),
    () => shelf.make("/library/new"),
    () => shelf.make("/nzbs/new"),
    () => shelf.make("/new"),
    () => shelf.remove(RELEASE),
    () => shelf.move(RELEASE, "/library/tv/Other"),
    () => shelf.copy(RELEASE, "/library/tv/Other"),
    () => shelf.move(`${JOB}/${FILM}`, "/library/tv/1.mkv"),
    () => shelf.copy(`${JOB}/${FILM}`, "/library/tv/1.mkv"),
    () => shelf.setProperty(RELEASE, "a", "b"),
    () => shelf.put(`${JOB}/x`, "x"),
  ];
  for (const call of refused) expect(await codeOf(call)).toBe("FORBIDDEN");
  expect(shelf.names("/library/tv")).toEqual(["Show S01E01"]);
  shelf.remove(`${JOB}/${FILM}`);
  shelf.remove(JOB);
  expect(shelf.names("/completed/tv")).toEqual([]);
  expect(shelf.names(RELEASE)).toEqual([FILM]);
});
