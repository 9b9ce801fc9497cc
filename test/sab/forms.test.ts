import { readdirSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { until } from "../until.ts";
import { freshNzb, openSab, type SabHouse } from "./sab-house.ts";

interface Answer {
  readonly status: boolean;
  readonly nzo_ids?: readonly string[];
  readonly error?: string;
}

const FILE = Symbol("file");
type Part = readonly [name: string, value: string | typeof FILE | Buffer];

function formOf(parts: readonly Part[]): FormData {
  const form = new FormData();
  for (const [name, value] of parts) {
    if (typeof value === "string") form.append(name, value);
    else
      form.append(name, new Blob([value === FILE ? freshNzb() : new Uint8Array(value as Buffer)]), "Show.S01E01.nzb");
  }
  return form;
}

async function send(house: SabHouse, query: string, parts: readonly Part[]): Promise<Answer> {
  const answer = await fetch(`${house.origin}/api?output=json${query}`, { method: "POST", body: formOf(parts) });
  return (await answer.json()) as Answer;
}

function jobOf(house: SabHouse, { nzo_ids }: Answer) {
  return house.jobs.get(nzo_ids?.[0]?.replace("SABnzbd_nzo_", "") ?? "");
}

function spooled(house: SabHouse): number {
  return readdirSync(join(house.folder, "spool")).length;
}

async function quietHouse(): Promise<SabHouse> {
  const house = await openSab();
  await house.stopImports();
  return house;
}

const WISHES: readonly Part[] = [
  ["mode", "addfile"],
  ["apikey", "k3y"],
  ["cat", "movies"],
  ["priority", "1"],
  ["nzbname", "Film"],
  ["password", "s3cret"],
];

describe("a form", () => {
  test.each<readonly [string, readonly Part[]]>([
    ["before", [...WISHES, ["name", FILE]]],
    ["after", [["name", FILE], ...WISHES]],
    ["on both sides of", [...WISHES.slice(0, 3), ["name", FILE], ...WISHES.slice(3)]],
  ])("counts with all that it says %s its file", async (_, parts) => {
    await using house = await quietHouse();
    const job = jobOf(house, await send(house, "", parts));
    expect(job).toMatchObject({ name: "Film", category: "movies", priority: "high", state: "queued" });
    expect(job && house.jobs.source(job.id).passwords).toEqual(["s3cret"]);
    expect(spooled(house)).toBe(0);
  });

  test("may say everything but the key after its file, when the key stands in the address", async () => {
    await using house = await quietHouse();
    const answer = await send(house, "&mode=addfile&apikey=k3y", [
      ["nzbfile", FILE],
      ["cat", "tv"],
      ["priority", "-2"],
    ]);
    expect(jobOf(house, answer)).toMatchObject({ category: "tv", state: "paused" });
  });

  test("without a file asks for anything else, as NZBDonkey does", async () => {
    await using house = await quietHouse();
    const ask = (mode: string, ...more: readonly Part[]) =>
      send(house, "", [["mode", mode], ["output", "json"], ["apikey", "k3y"], ...more]);
    expect(await ask("status")).toMatchObject({ status: { version: "4.5.1" } });
    expect(await ask("get_cats", ["name", ""])).toMatchObject({ categories: expect.arrayContaining(["tv"]) });
    const added = await ask("addurl", ["name", "https://indexer.example/get?id=1"], ["cat", "tv"]);
    expect(jobOf(house, added)).toMatchObject({ category: "tv", fetchFrom: "https://indexer.example" });
  });

  test("may be one of text alone, and a body of an unknown kind does not matter to what takes none", async () => {
    await using house = await quietHouse();
    const post = async (query: string, body: string | URLSearchParams, type?: string) => {
      const headers = type === undefined ? {} : { "Content-Type": type };
      const init = { method: "POST", headers, body };
      return (await (await fetch(`${house.origin}/api?output=json${query}`, init)).json()) as Answer;
    };
    const name = "https://indexer.example/get?id=1";
    const fields = new URLSearchParams({ mode: "addurl", apikey: "k3y", name, nzbname: "Film" });
    expect(jobOf(house, await post("", fields))).toMatchObject({ name: "Film" });
    const query = `&mode=addurl&apikey=k3y&name=${encodeURIComponent(`${name}2`)}`;
    expect(await post(query, "{}", "application/json")).toMatchObject({ status: true });
    expect((await post("&mode=addfile&apikey=k3y", "{}", "application/json")).error).toContain("cannot be imported");
  });

  test("does not get to do with its end what its beginning was not let in for", async () => {
    await using house = await openSab();
    const { secret } = house.appPasswords.add({ name: "kodi", mayWrite: false });
    const login: readonly Part[] = [
      ["ma_username", "tester"],
      ["ma_password", secret],
    ];
    const late = await send(house, "", [["name", FILE], ...login, ["mode", "addfile"]]);
    expect(late).toEqual({ status: false, error: "Access denied: this login may only read" });
    const early = await send(house, "", [["mode", "queue"], ...login, ["name", FILE], ["mode", "pause"]]);
    expect(early).toHaveProperty("queue.paused", false);
    expect([house.queue.isPaused, house.jobs.count({})]).toEqual([false, 0]);
  });
});

describe("a stranger", () => {
  test.each<readonly [string, readonly Part[], string]>([
    [
      "no key at all",
      [
        ["name", FILE],
        ["mode", "addfile"],
      ],
      "API Key Required",
    ],
    [
      "a wrong key",
      [
        ["name", FILE],
        ["mode", "addfile"],
        ["apikey", "guess"],
      ],
      "API Key Incorrect",
    ],
    [
      "a wrong key in front",
      [
        ["apikey", "guess"],
        ["mode", "addfile"],
        ["name", FILE],
      ],
      "API Key Incorrect",
    ],
  ])("with %s leaves nothing behind", async (_, parts, error) => {
    await using house = await openSab();
    expect(await send(house, "", parts)).toEqual({ status: false, error });
    expect([house.jobs.count({}), spooled(house)]).toEqual([0, 0]);
  });

  test("has no more room than 64 MiB, of all their files together", async () => {
    await using house = await quietHouse();
    const half: Part = ["name", Buffer.alloc(33 * 2 ** 20, " ")];
    expect((await send(house, "", [half, half, ...WISHES])).error).toContain("no room for files without an API key");
    expect(spooled(house)).toBe(0);
    // Whoever says it first has all the room there is, and so has the next one.
    const one: Part = ["name", Buffer.concat([Buffer.from(freshNzb()), Buffer.alloc(33 * 2 ** 20, " ")])];
    const two: Part = ["name", Buffer.concat([Buffer.from(freshNzb()), Buffer.alloc(33 * 2 ** 20, " ")])];
    expect((await send(house, "", [...WISHES, one, two])).nzo_ids).toHaveLength(2);
    expect((await send(house, "", [["name", FILE], ...WISHES])).status).toBe(true);
  }, 30_000);

  test("keeps nobody out who has a key, and has a minute", async () => {
    await using house = await quietHouse();
    const head = '--b\r\nContent-Disposition: form-data; name="name"; filename="a.nzb"\r\n\r\n<nzb>';
    const { port } = new URL(house.origin);
    const slow = request({
      port,
      method: "POST",
      path: "/api?output=json",
      headers: { "Content-Type": "multipart/form-data; boundary=b" },
    });
    const answer = new Promise<string>((resolve, reject) => {
      slow.on("error", reject);
      slow.on("response", (response) => {
        response.setEncoding("utf8").on("data", resolve);
      });
    });
    slow.write(head);
    await until(() => spooled(house) === 1);
    expect((await send(house, "&apikey=k3y&mode=addfile", [["name", FILE]])).status).toBe(true);
    house.clock.advance(59_999);
    expect(spooled(house)).toBe(1);
    house.clock.advance(1);
    expect(await answer).toContain("has not said within a minute whose it is");
    await until(() => spooled(house) === 0);
    slow.destroy();
  });

  test("that leaves in the middle leaves nothing behind", async () => {
    await using house = await quietHouse();
    const timers = house.clock.timers;
    const { port } = new URL(house.origin);
    const headers = { "Content-Type": "multipart/form-data; boundary=b" };
    const call = request({ port, method: "POST", path: "/api?output=json", headers });
    call.on("error", () => {});
    call.write('--b\r\nContent-Disposition: form-data; name="name"; filename="a.nzb"\r\n\r\n<nzb>');
    await until(() => spooled(house) === 1);
    call.destroy();
    await until(() => spooled(house) === 0);
    await until(() => house.clock.timers === timers);
  });
});
