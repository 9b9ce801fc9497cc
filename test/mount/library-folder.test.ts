import { describe, expect, test } from "@jest/globals";
import { rejection } from "../import/workshop.ts";
import { MIB, Shelf } from "./shelf.ts";

/** Runs a change that may throw at once. */
const refused = (work: () => unknown) => rejection((async () => work())());

describe("a sidecar", () => {
  test("may have any name, and is bytes: no stream, no ticket, no article", async () => {
    await using shelf = await Shelf.open();
    shelf.addFilm();
    for (const name of ["film.nfo", "film.en.srt", "poster.jpg", "no extension", "some.nzb", "Zoë 日本 #1 100%.txt"]) {
      const path = `/library/movies/Film/${name}`;
      expect(await shelf.put(path, `about ${name}`)).toBe("created");
      const reading = shelf.read(path, 0, 5);
      expect(Buffer.from((await reading.next()).value as Uint8Array).toString()).toBe("about");
      expect([shelf.admission.activeStreams, shelf.streams.snapshot(), shelf.usenet.calls]).toEqual([0, [], 0]);
      await reading.return();
    }
    expect(shelf.find("/library/movies/Film/poster.jpg")).toMatchObject({ contentType: "image/jpeg", size: 16 });
    expect(shelf.jobs()).toEqual([]);
  });

  test("is put anew with another tag and time, and its folder stays as it is", async () => {
    await using shelf = await Shelf.open();
    shelf.addFilm();
    await shelf.put("/library/movies/Film/film.nfo", "one");
    const [before, folder] = [shelf.find("/library/movies/Film/film.nfo"), shelf.find("/library/movies/Film")];
    shelf.clock.advance(5000);
    expect(await shelf.put("/library/movies/Film/film.nfo", "two")).toBe("replaced");
    const after = shelf.find("/library/movies/Film/film.nfo");
    expect(after).toMatchObject({ createdAt: before?.createdAt, modifiedAt: shelf.clock.wall() });
    expect(after?.etag).not.toBe(before?.etag);
    expect(shelf.find("/library/movies/Film")).toEqual(folder);
  });

  test("of 30 MiB goes into the database as it comes, and comes out piece by piece", async () => {
    await using shelf = await Shelf.open({ sidecarBytes: 32 * MIB });
    shelf.make("/library/movies");
    const chunk = Buffer.alloc(64 * 1024);
    let given = 0;
    let mostHeld = 0;
    const { contents } = shelf.catalog;
    const { begin } = contents;
    let written = 0;
    Object.assign(contents, {
      begin: () => {
        const writer = begin();
        const { write } = writer;
        writer.write = (bytes) => {
          write.call(writer, bytes);
          written += bytes.length;
        };
        return writer;
      },
    });
    const body = (function* () {
      for (let at = 0; at < 30 * MIB; at += chunk.length) {
        mostHeld = Math.max(mostHeld, given - written);
        chunk.writeDoubleLE(at);
        given += chunk.length;
        yield chunk;
      }
    })();
    await shelf.put("/library/movies/large.bin", body, 30 * MIB);
    expect(mostHeld).toBeLessThanOrEqual(chunk.length);
    let [pieces, largest, at] = [0, 0, 0];
    for await (const piece of shelf.read("/library/movies/large.bin", 0, 30 * MIB)) {
      const offset = Math.ceil(at / chunk.length) * chunk.length - at;
      expect(Buffer.from(piece.subarray(offset, offset + 8)).readDoubleLE()).toBe(at + offset);
      pieces += 1;
      largest = Math.max(largest, piece.length);
      at += piece.length;
    }
    expect(at).toBe(30 * MIB);
    expect(pieces).toBeGreaterThanOrEqual(30);
    expect(largest).toBeLessThanOrEqual(MIB);
  });

  test("that is announced too large is refused before a byte of it is read", async () => {
    await using shelf = await Shelf.open({ sidecarBytes: 1000 });
    shelf.make("/library/movies");
    let wasRead = false;
    const body = (function* () {
      wasRead = true;
      yield Buffer.alloc(1001);
    })();
    const refusal = { code: "BODY_TOO_LARGE", hint: expect.stringMatching(/\/nzbs\/.+library\.sidecarBytes/) };
    expect(await rejection(shelf.put("/library/movies/film.mkv", body, 1001))).toMatchObject(refusal);
    expect(wasRead).toBe(false);
    expect(await shelf.put("/library/movies/film.mkv", Buffer.alloc(1000), 1000)).toBe("created");
  });

  test("that grows too large is cut off there, and what was there stays", async () => {
    await using shelf = await Shelf.open({ sidecarBytes: 1000 });
    shelf.make("/library/movies");
    await shelf.put("/library/movies/a.nfo", "old");
    let given = 0;
    const body = (function* () {
      for (;;) {
        given += 300;
        yield Buffer.alloc(300);
      }
    })();
    expect(await rejection(shelf.put("/library/movies/a.nfo", body))).toMatchObject({ code: "BODY_TOO_LARGE" });
    expect(given).toBe(1200);
    expect(await shelf.text("/library/movies/a.nfo")).toBe("old");
  });

  test.each([
    ["shorter", 10],
    ["longer", 2],
  ])("that is %s than announced is not kept", async (_how, length) => {
    await using shelf = await Shelf.open();
    shelf.make("/library/movies");
    expect(await rejection(shelf.put("/library/movies/a.nfo", "text", length))).toMatchObject({ code: "BAD_REQUEST" });
    expect(shelf.names("/library/movies")).toEqual([]);
  });

  test("is all there after a restart", async () => {
    await using shelf = await Shelf.open();
    shelf.addFilm();
    await shelf.put("/library/movies/Film/film.nfo", "text");
    shelf.setProperty("/library/movies/Film/film.nfo", "a", "1");
    shelf.setProperty("/library/movies/Film", "b", "2");
    const before = ["/library/movies/Film/film.nfo", "/library/movies/Film"].map((path) => shelf.find(path));
    await shelf.reopen();
    expect(["/library/movies/Film/film.nfo", "/library/movies/Film"].map((path) => shelf.find(path))).toEqual(before);
    expect(before.map((entry) => entry?.properties?.length)).toEqual([1, 1]);
    expect(await shelf.text("/library/movies/Film/film.nfo")).toBe("text");
  });
});

describe("a posted file", () => {
  test("cannot be written, with a reason and what to do, before a byte is read", async () => {
    await using shelf = await Shelf.open();
    const film = shelf.addFilm();
    let wasRead = false;
    const body = (function* () {
      wasRead = true;
      yield Buffer.alloc(5);
    })();
    expect(await rejection(shelf.put(film, body, 5))).toMatchObject({
      code: "FORBIDDEN",
      message: "film.mkv was posted: posted files cannot be changed",
      hint: expect.stringContaining("another name"),
    });
    expect(wasRead).toBe(false);
  });

  test("can be renamed, copied, given properties and removed; the trash brings it back", async () => {
    await using shelf = await Shelf.open();
    const film = shelf.addFilm();
    const tag = shelf.find(film)?.etag;
    shelf.setProperty(film, "a", "1");
    await shelf.move(film, "/library/movies/Film/other.mkv");
    await shelf.copy("/library/movies/Film/other.mkv", "/library/movies/copy.mkv");
    for (const path of ["/library/movies/Film/other.mkv", "/library/movies/copy.mkv"]) {
      expect(shelf.find(path)).toMatchObject({ size: 600, etag: tag, properties: [{ local: "a" }] });
    }
    shelf.remove("/library/movies/Film");
    expect(shelf.find("/library/movies/Film")).toBeUndefined();
    const [item] = shelf.catalog.trash.list({ limit: 10 });
    expect(item).toMatchObject({ kind: "folder", path: "movies/Film" });
    shelf.catalog.trash.restore(item?.id as never);
    expect(shelf.find("/library/movies/Film/other.mkv")?.size).toBe(600);
  });

  test("in a category that is renamed is in the renamed one", async () => {
    await using shelf = await Shelf.open();
    shelf.addFilm();
    await shelf.move("/library/movies", "/library/films");
    expect(shelf.names("/library")).toEqual(["films"]);
    expect(shelf.find("/library/films/Film/film.mkv")?.size).toBe(600);
  });
});

describe("what stands at the top", () => {
  test("always stays as it is, with a reason", async () => {
    await using shelf = await Shelf.open();
    for (const path of ["/", "/library", "/nzbs"]) {
      for (const change of [
        () => shelf.remove(path),
        () => shelf.move(path, "/library/x"),
        () => shelf.copy(path, "/library/x"),
        () => shelf.setProperty(path, "a", "1"),
        () => shelf.put(path, "text"),
        () => shelf.make(path),
      ]) {
        expect(await refused(change)).toMatchObject({ code: "FORBIDDEN", hint: expect.stringContaining("/library") });
      }
    }
    for (const change of [
      () => shelf.make("/new"),
      () => shelf.put("/new", "x"),
      () => shelf.copy("/library", "/new"),
    ]) {
      expect(await refused(change)).toMatchObject({ code: "FORBIDDEN" });
    }
    expect(shelf.names("/")).toEqual(["completed", "library", "nzbs"]);
  });

  test.each<[string, (shelf: Shelf) => unknown, string]>([
    ["nothing is found elsewhere", (shelf) => shelf.remove("/elsewhere/x"), "PATH_MISSING"],
    ["nor below a file", (shelf) => shelf.put("/library/movies/Film/film.mkv/x", "x"), "PARENT_MISSING"],
    ["a folder is no file", (shelf) => shelf.put("/library/movies", "x"), "PATH_TAKEN"],
    ["what is not there has no properties", (shelf) => shelf.setProperty("/library/x", "a", "1"), "PATH_MISSING"],
    ["neither among the NZBs", (shelf) => shelf.setProperty("/nzbs/tv/x", "a", "1"), "PATH_MISSING"],
    ["nor is it removed", (shelf) => shelf.remove("/nzbs/tv/x"), "PATH_MISSING"],
  ])("%s", async (_claim, change, code) => {
    await using shelf = await Shelf.open();
    shelf.addFilm();
    expect(await refused(() => change(shelf))).toMatchObject({ code });
  });
});

describe("dead properties", () => {
  test("of one entry are at most 64 KiB, and one too many changes nothing", async () => {
    await using shelf = await Shelf.open();
    const film = shelf.addFilm();
    const value = "v".repeat(20_000);
    for (const name of ["a", "b", "c"]) shelf.setProperty(film, name, value);
    expect(await refused(() => shelf.setProperty(film, "d", value))).toMatchObject({
      code: "FORBIDDEN",
      message: expect.stringContaining("64 KiB"),
      hint: expect.any(String),
    });
    expect(shelf.find(film)?.properties?.map(({ local }) => local)).toEqual(["a", "b", "c"]);
  });

  test("called as JavaScript's own are properties like any other", async () => {
    await using shelf = await Shelf.open();
    const film = shelf.addFilm();
    for (const name of ["__proto__", "constructor", "properties", "dismissed"]) shelf.setProperty(film, name, "1");
    await shelf.reopen();
    expect(shelf.find(film)?.properties?.map(({ local }) => local)).toEqual([
      "__proto__",
      "constructor",
      "properties",
      "dismissed",
    ]);
  });

  test("of a category among the NZBs are kept though nobody made the folder", async () => {
    await using shelf = await Shelf.open();
    shelf.setProperty("/nzbs/tv", "a", "1");
    expect(shelf.find("/nzbs/tv")?.properties).toHaveLength(1);
  });
});
