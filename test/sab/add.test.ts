import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import type { CategoryConfig } from "../../src/config/settings.ts";
import { freshNzb, openSab, type SabHouse } from "./sab-house.ts";

/** An NZB of so many bytes. */
function longNzb(bytes: number): Buffer {
  const id = "abcdefghijklmnopqrstuvwx-1690000000000@nyuu";
  const files: string[] = [];
  for (let file = 0, size = 0; size < bytes; file++) {
    const segments = Array.from(
      { length: 10_000 },
      (_, number) => `<segment bytes="739000" number="${number + 1}">${file}-${number}-${id}</segment>\n`,
    ).join("");
    const text = `<file poster="p@x" date="1690000000" subject="&quot;film.part${file}.rar&quot; yEnc (1/10000)"><groups><group>a.b.c</group></groups><segments>\n${segments}</segments></file>\n`;
    files.push(text);
    size += text.length;
  }
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<nzb xmlns="http://www.newzbin.com/DTD/2003/nzb">\n${files.join("")}</nzb>`,
  );
}

async function upload(house: SabHouse, field: string, fields: Readonly<Record<string, string>> = {}, query = "") {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append(field, new Blob([freshNzb()], { type: "application/x-nzb" }), "Show.S01E01.nzb");
  const answer = await fetch(`${house.origin}/api?output=json${query}`, { method: "POST", body: form });
  return (await answer.json()) as { status: boolean; nzo_ids: string[]; error?: string };
}

const RULE: CategoryConfig = {
  name: "tv",
  folder: "",
  priority: "high",
  check: "none",
  leastPercent: 90,
  payload: "any",
  exclude: [],
  samples: "keep",
};

const ASKED = "&mode=addfile&apikey=k3y&cat=tv";

describe("addfile", () => {
  test("T5 takes the name of the file in UTF-8", async () => {
    await using house = await openSab();
    await house.client.grab("Die Brücke – 橋 S01E01", freshNzb());
    expect((await house.client.items())[0]).toMatchObject({ title: "Die Brücke – 橋 S01E01", category: "tv" });
  });

  test("T5 takes an NZB of 60 MB", async () => {
    await using house = await openSab();
    const nzb = longNzb(60_000_000);
    expect(nzb.length).toBeGreaterThan(60_000_000);
    const id = await house.client.grab("Collection", nzb);
    expect((await house.client.items())[0]).toMatchObject({ id, title: "Collection" });
  }, 120_000);

  test("T5 takes an NZB that is packed with gzip", async () => {
    await using house = await openSab();
    const id = await house.client.grab("Packed", gzipSync(freshNzb()));
    expect((await house.client.items()).map((item) => [item.id, item.title])).toEqual([[id, "Packed"]]);
  });

  test("T5 answers two adds of the same post in one moment with one job", async () => {
    await using house = await openSab();
    const nzb = freshNzb();
    const [one, other] = await Promise.all([house.client.grab("Show", nzb), house.client.grab("Show", nzb)]);
    expect(other).toBe(one);
    expect(await house.client.items()).toHaveLength(1);
  });

  test("makes a new job of a post that was imported before", async () => {
    await using house = await openSab();
    const nzb = freshNzb();
    const first = await house.client.grab("Show", nzb);
    (await house.runOf(first)).complete();
    await house.state(first, "completed");
    const second = await house.client.grab("Show", nzb);
    expect(second).not.toBe(first);
    (await house.runOf(second)).complete();
    await house.state(second, "completed");
    const items = await house.client.items();
    expect(items.map(({ title }) => title).sort()).toEqual(["Show", "Show (2)"]);
    expect(new Set(items.map(({ outputPath }) => outputPath)).size).toBe(2);
  });

  test("T5 refuses what is no NZB, and says why", async () => {
    await using house = await openSab();
    await expect(house.client.grab("Bad", "<nzb><file")).rejects.toThrow(/^Error response received from SABnzbd: /);
    await expect(house.client.grab("Empty", "")).rejects.toThrow(/empty/);
    const { status, body } = await house.client.raw("addfile", { cat: "tv" });
    expect([status, JSON.parse(body).error]).toEqual([200, expect.stringContaining("expects one parameter")]);
    expect(house.jobs.count({})).toBe(0);
  });

  test.each(["name", "nzbfile", "nzbFile"])("T5 takes it in the field %s", async (field) => {
    await using house = await openSab();
    const { status, nzo_ids } = await upload(house, field, {}, ASKED);
    expect([status, nzo_ids.length]).toEqual([true, 1]);
    expect((await house.client.items())[0]?.id).toBe(nzo_ids[0]);
  });

  test("takes everything from the fields of the form, too", async () => {
    await using house = await openSab();
    const fields = { mode: "addfile", apikey: "k3y", cat: "movies", nzbname: "Film {{s3cret}}", priority: "1" };
    const { nzo_ids } = await upload(house, "name", fields);
    const job = house.jobs.get(nzo_ids[0]?.replace("SABnzbd_nzo_", "") ?? "");
    expect(job).toMatchObject({ name: "Film", category: "movies", priority: "high" });
    expect(job && house.jobs.source(job.id).passwords).toEqual(["s3cret"]);
    expect((await house.client.raw("queue")).body).not.toContain("s3cret");
  });

  test("reads no file of whoever has no right key", async () => {
    await using house = await openSab();
    expect(await upload(house, "name", { mode: "addfile", apikey: "wrong" })).toEqual({
      status: false,
      error: "API Key Incorrect",
    });
    expect(house.jobs.count({})).toBe(0);
  });

  test("reads no more than 1 MiB of text", async () => {
    await using house = await openSab();
    const body = new URLSearchParams({ mode: "queue", apikey: "k3y", output: "json", search: "x".repeat(2 ** 20) });
    const answer = await fetch(`${house.origin}/api?output=json`, { method: "POST", body });
    expect(await answer.json()).toEqual({ status: false, error: "the form is longer than 1 MiB" });
  });

  test("honours name, password and priority", async () => {
    await using house = await openSab({ categories: [RULE] });
    await house.stopImports();
    const add = async (more: string) => {
      const { nzo_ids } = await upload(house, "name", {}, ASKED + more);
      return house.jobs.get(nzo_ids[0]?.replace("SABnzbd_nzo_", "") ?? "");
    };
    const named = await add("&nzbname=Given.Name&password=hunter2&pp=3&script=None");
    expect(named).toMatchObject({ name: "Given.Name", state: "queued", priority: "high" });
    expect(named && house.jobs.source(named.id).passwords).toEqual(["hunter2"]);
    expect(await add("&priority=-100")).toMatchObject({ priority: "high" });
    expect(await add("&priority=-1")).toMatchObject({ priority: "low" });
    expect(await add("&priority=0")).toMatchObject({ priority: "normal" });
    expect(await add("&priority=2")).toMatchObject({ priority: "force" });
    for (const held of [-2, -3]) expect(await add(`&priority=${held}`)).toMatchObject({ state: "paused" });
  });

  test.each(["*", "", "Default", "None"])("puts what has the category %j where all goes that has none", async (cat) => {
    await using house = await openSab();
    const { nzo_ids } = await upload(house, "name", {}, `&mode=addfile&apikey=k3y&cat=${encodeURIComponent(cat)}`);
    expect(house.jobs.get(nzo_ids[0]?.replace("SABnzbd_nzo_", "") ?? "")?.category).toBe("default");
  });

  test("takes several files, and what is good of them", async () => {
    await using house = await openSab();
    const form = new FormData();
    for (const text of [freshNzb(), "no nzb", freshNzb()]) form.append("name", new Blob([text]), "Show.nzb");
    const answer = await fetch(`${house.origin}/api?output=json${ASKED}`, { method: "POST", body: form });
    expect(((await answer.json()) as { nzo_ids: string[] }).nzo_ids).toHaveLength(2);
    expect(house.warnings.list()).toHaveLength(1);
  });

  test("takes the NZB itself as the body", async () => {
    await using house = await openSab();
    const headers = { "Content-Type": "application/x-nzb" };
    const query = `${ASKED}&nzbname=Show`;
    const answer = await fetch(`${house.origin}/api?output=json${query}`, {
      method: "POST",
      headers,
      body: freshNzb(),
    });
    expect(await answer.json()).toMatchObject({ status: true });
    expect((await house.client.items())[0]?.title).toBe("Show");
  });
});

describe("other ways in", () => {
  test("addurl queues the fetch, and shows no more of the address than the host", async () => {
    await using house = await openSab();
    const name = "https://indexer.example/get?id=7&apikey=s3cret";
    const answer = await house.client.call("addurl", { name, cat: "tv", priority: 1 });
    expect(answer).toMatchObject({ status: true, nzo_ids: [expect.stringMatching(/^SABnzbd_nzo_/)] });
    const { body } = await house.client.raw("queue");
    expect(body).not.toContain("s3cret");
    expect((await house.client.queue()).items[0]).toMatchObject({ status: "Grabbing", priority: "High", size: 0 });
    await expect(house.client.call("addurl")).rejects.toThrow("expects one parameter");
    await expect(house.client.call("addurl", { name: "file:///etc/passwd" })).rejects.toThrow("no address");
  });

  test("addlocalfile is refused with what to do instead", async () => {
    await using house = await openSab();
    await expect(house.client.call("addlocalfile", { name: "/etc/passwd" })).rejects.toThrow(
      "send the NZB with addfile",
    );
  });

  test("retry begins a failed job anew, with the password that comes along", async () => {
    await using house = await openSab();
    const id = await house.client.grab("Show", freshNzb());
    (await house.runOf(id)).fail(new Error("no luck"));
    await house.state(id, "failed");
    expect((await house.client.items())[0]?.status).toBe("Failed");
    await house.stopImports();
    expect(await house.client.call("retry", { value: id, password: "hunter2" })).toEqual({ status: true, nzo_id: id });
    const [item, ...others] = await house.client.items();
    expect([item?.id, item?.status, others.length]).toEqual([id, "Queued", 0]);
    const job = house.jobs.get(id.replace("SABnzbd_nzo_", ""));
    expect(job && house.jobs.source(job.id).passwords).toContain("hunter2");
    await expect(house.client.call("retry", { value: "gone" })).rejects.toThrow("item does not exist");
  });

  test("retry with another NZB puts that in the place of the failed job", async () => {
    await using house = await openSab();
    const id = await house.client.grab("Show", freshNzb());
    (await house.runOf(id)).fail(new Error("no luck"));
    await house.state(id, "failed");
    const { nzo_id } = (await upload(house, "nzbfile", {}, `&mode=retry&apikey=k3y&value=${id}`)) as unknown as {
      nzo_id: string;
    };
    expect(nzo_id).not.toBe(id);
    expect((await house.client.items()).map((item) => [item.id, item.title])).toEqual([[nzo_id, "Show"]]);
  });

  test("retry_all begins all failed jobs anew", async () => {
    await using house = await openSab();
    const ids = await Promise.all([house.client.grab("a", freshNzb()), house.client.grab("b", freshNzb())]);
    for (const id of ids) {
      (await house.runOf(id)).fail(new Error("no luck"));
      await house.state(id, "failed");
    }
    await house.stopImports();
    const { status } = (await house.client.call("retry_all")) as { status: string[] };
    expect([...status].sort()).toEqual([...ids].sort());
    expect((await house.client.queue()).items).toHaveLength(2);
  });
});
