import { describe, expect, test } from "@jest/globals";
import { nzb, Shelf } from "./shelf.ts";

/** What the methods of the clients' requests ask of the tree, in their order; locks are not the tree's. */
describe("an NZB is imported once, whatever dance the client does", () => {
  const imported = (shelf: Shelf) => shelf.jobs().map(({ category, name }) => `${category}/${name}`);

  test("Windows: an empty PUT, LOCK, PROPPATCH, HEAD, the full PUT, PROPPATCH", async () => {
    await using shelf = await Shelf.open();
    const path = "/nzbs/movies/Film.nzb";
    expect(shelf.find(path)).toBeUndefined();
    expect(await shelf.put(path, "", 0)).toBe("created");
    expect(shelf.find(path)).toMatchObject({ kind: "resource", size: 0 });
    expect(imported(shelf)).toEqual([]);
    shelf.setProperty(path, "Win32CreationTime", "Thu, 01 Jan 2026 00:00:00 GMT");
    expect(await shelf.put(path, nzb(1), nzb(1).length)).toBe("replaced");
    shelf.setProperty(path, "Win32FileAttributes", "00000020");
    expect(imported(shelf)).toEqual(["movies/Film"]);
    expect(shelf.find(path)).toMatchObject({ size: nzb(1).length, properties: [{}, {}] });
    expect(shelf.names("/nzbs/movies")).toEqual(["Film.nzb", "Film.nzb.progress.txt"]);
  });

  test("Windows, refused: the text is there, and the empty file can be deleted", async () => {
    await using shelf = await Shelf.open();
    const path = "/nzbs/movies/Film.nzb";
    await shelf.put(path, "", 0);
    await expect(shelf.put(path, "no NZB")).rejects.toMatchObject({ code: "NZB_MALFORMED" });
    shelf.remove(path);
    expect(shelf.names("/nzbs/movies")).toEqual(["Film.nzb.error.txt"]);
  });

  test("Finder: LOCK of nothing makes an empty file, a chunked PUT, and the same for ._Film.nzb", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/movies/Film.nzb", "", 0);
    await shelf.put("/nzbs/movies/._Film.nzb", "", 0);
    await shelf.put("/nzbs/movies/._Film.nzb", nzb(2));
    await shelf.put("/nzbs/movies/Film.nzb", nzb(1));
    await shelf.put("/nzbs/movies/.DS_Store", "Bud1");
    expect(imported(shelf)).toEqual(["movies/Film"]);
    expect(shelf.names("/nzbs/movies")).toEqual(["Film.nzb", "Film.nzb.progress.txt"]);
  });

  test("davfs2: LOCK of nothing, HEAD, PUT with If-Match, then a rename", async () => {
    await using shelf = await Shelf.open();
    const path = "/nzbs/movies/Film.nzb";
    await shelf.put(path, "", 0);
    const empty = shelf.find(path)?.etag;
    await shelf.put(path, nzb(1), nzb(1).length);
    const full = shelf.find(path)?.etag;
    expect(full).not.toBe(empty);
    expect(shelf.find(path)?.etag).toBe(full);
    await shelf.move(path, "/nzbs/movies/Other.nzb");
    expect(shelf.find("/nzbs/movies/Other.nzb")?.etag).toBe(full);
    expect(imported(shelf)).toEqual(["movies/Film"]);
  });

  test.each(["Film.nzb.a1b2c3d4.partial", ".goutputstream-X1", "Film.nzb~", "tmp/Film"])(
    "rclone and others: %s, then MOVE",
    async (name) => {
      await using shelf = await Shelf.open();
      shelf.make("/nzbs/movies/tmp");
      await shelf.put(`/nzbs/movies/${name}`, nzb(1), nzb(1).length);
      expect(shelf.find(`/nzbs/movies/${name}`)?.size).toBe(nzb(1).length);
      expect(imported(shelf)).toEqual([]);
      await shelf.move(`/nzbs/movies/${name}`, "/nzbs/movies/Film.nzb");
      expect(shelf.find("/nzbs/movies/Film.nzb")?.size).toBe(nzb(1).length);
      expect(imported(shelf)).toEqual(["movies/Film"]);
    },
  );

  test("an editor: the new one beside it, the old one aside, the new one in its place", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/movies/Film.nzb", nzb(1));
    await shelf.put("/nzbs/movies/Film.nzb.new", nzb(1));
    await shelf.move("/nzbs/movies/Film.nzb", "/nzbs/movies/Film.nzb.bak");
    await shelf.move("/nzbs/movies/Film.nzb.new", "/nzbs/movies/Film.nzb");
    shelf.remove("/nzbs/movies/Film.nzb.bak");
    expect(shelf.jobs().map(({ state }) => state)).toEqual(["queued"]);
  });

  test("all of it is there after a restart in the middle", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/movies/Empty.nzb", "", 0);
    await shelf.put("/nzbs/movies/Film.nzb", nzb(1));
    await shelf.put("/nzbs/movies/Next.nzb.partial", nzb(2));
    shelf.setProperty("/nzbs/movies/Film.nzb", "a", "1");
    const before = shelf.tree.list(["nzbs", "movies"], undefined, 100);
    expect(before.map(({ name }) => name)).toEqual([
      "Empty.nzb",
      "Film.nzb",
      "Film.nzb.progress.txt",
      "Next.nzb.partial",
    ]);
    await shelf.reopen();
    expect(shelf.tree.list(["nzbs", "movies"], undefined, 100)).toEqual(before);
    expect(await shelf.text("/nzbs/movies/Film.nzb")).toBe(nzb(1).toString());
    await shelf.put("/nzbs/movies/Empty.nzb", nzb(3));
    await shelf.move("/nzbs/movies/Next.nzb.partial", "/nzbs/movies/Next.nzb");
    expect(imported(shelf)).toEqual(["movies/Film", "movies/Empty", "movies/Next"]);
  });
});
