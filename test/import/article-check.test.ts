import { describe, expect, test } from "@jest/globals";
import { ProviderError } from "../../src/base/errors.ts";
import type { CategoryRule } from "../../src/import/category-rules.ts";
import { type FakeUsenet, type FileSpec, idOf, MKV, parts, providerDown } from "./fake-usenet.ts";
import { rejection, rulesOf, Workshop } from "./workshop.ts";

const film = (count: number, more: Partial<FileSpec> = {}): FileSpec => ({
  name: "film.mkv",
  parts: parts(count, 1000, 300),
  head: MKV,
  ...more,
});

function shopWith(post: FileSpec, rule: Partial<CategoryRule> = { check: "sampled" }): Workshop {
  const shop = new Workshop({ rules: rulesOf(rule) });
  shop.usenet.post(post);
  return shop;
}

/** Articles of which every tenth part, and so on, is gone; never the ends, which the survey reads. */
const isInside = (index: number, count: number) => index > 0 && index < count - 1;

describe("a sample of the articles", () => {
  test.each([
    ["of 35 000 parts costs 45 STAT and two bodies beside the survey's two", 35_000, { bodies: 4, stats: 45 }],
    ["of 60 GB and more costs 58 STAT", 90_000, { bodies: 4, stats: 58 }],
    ["of 30 parts costs 18 STAT", 30, { bodies: 4, stats: 18 }],
    ["of five parts costs all that were not read yet", 5, { bodies: 4, stats: 1 }],
    ["of three parts costs the one that was not read yet", 3, { bodies: 3, stats: 0 }],
    ["of a single part costs nothing", 1, { bodies: 1, stats: 0 }],
  ])("%s", async (_, count, asked) => {
    using shop = shopWith(film(count));
    const { note } = await shop.import();
    expect(note).toBeUndefined();
    expect(shop.asked).toEqual(asked);
    const all = [...shop.usenet.bodies, ...shop.usenet.stats];
    expect(new Set(all).size).toBe(all.length);
  });

  test("comes from the whole length of the post, and its bodies from the middle", async () => {
    using shop = shopWith(film(10_000));
    await shop.import();
    const places = shop.usenet.stats.map((id) => Number(/p(\d+)@/.exec(id)?.[1])).sort((a, b) => a - b);
    const gaps = places.map((place, at) => place - (places[at - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(1_100);
    const [, , ...middle] = shop.usenet.bodies.map((id) => Number(/p(\d+)@/.exec(id)?.[1]));
    expect(middle).toHaveLength(2);
    expect(middle.every((place) => place > 1_000 && place < 9_000)).toBe(true);
  });

  test("is all that is asked in one round trip after the survey", async () => {
    using shop = shopWith(film(35_000));
    await shop.import();
    expect(shop.usenet.roundTrips).toBe(2);
    expect(shop.usenet.most).toBe(47);
  });

  test("grows to two hundred when something is missing in it, and tells how much", async () => {
    using shop = shopWith(film(10_000, { missing: (index) => isInside(index, 10_000) && index % 10 < 4 }));
    const { code, message, hint } = await rejection(shop.import());
    expect(code).toBe("ARTICLE_MISSING");
    const [, there, of, percent] = /^(\d+) of (\d+) articles of the sample are there \((\d+) %\)$/.exec(message) ?? [];
    expect(Number(of)).toBe(200);
    expect(Number(percent)).toBe(Math.floor(Number(there) / 2));
    expect(Number(percent)).toBeGreaterThan(40);
    expect(Number(percent)).toBeLessThan(80);
    expect(hint).toMatch(/try another release/);
    // One that could not be read was asked about too: nobody had said that it is there.
    expect(shop.usenet.calls).toBe(2 + 200 + 1);
    expect(shop.catalog.stats().releases).toBe(0);
  });

  test("puts up with as much loss as the rule allows, and says so", async () => {
    const post = film(10_000, { missing: (index) => isInside(index, 10_000) && index % 10 < 4 });
    using shop = shopWith(post, { check: "sampled", leastPercent: 40 });
    const { note } = await shop.import();
    expect(note).toMatch(/^\d+ of 200 articles of the sample are missing on all providers$/);
    expect(shop.segments("movies/Film/film.mkv")).toHaveLength(10_000);
  });

  test("counts what the survey knows as well where it holds all there is", async () => {
    using shop = shopWith(film(10, { missing: (index) => index === 0 || index === 5 }));
    expect((await rejection(shop.import())).message).toBe("8 of 10 articles are there (80 %)");
    using lenient = shopWith(film(10, { missing: (index) => index === 5 }));
    expect((await lenient.import()).note).toBe("1 of 10 articles is missing on all providers");
  });

  test("is not taken where the rule wants none", async () => {
    using shop = shopWith(film(35_000), { check: "none" });
    await shop.import();
    expect(shop.asked).toEqual({ bodies: 2, stats: 0 });
  });

  test("leaves alone what is no part of the release", async () => {
    using shop = new Workshop({ rules: rulesOf({ check: "all", exclude: ["*.iso"] }) });
    shop.usenet
      .post(film(30))
      .post({ name: "extras.iso", parts: parts(50, 1000), missing: (index) => index > 1 && index < 20 });
    await shop.import();
    expect(shop.usenet.stats.every((id) => id.startsWith("f1p"))).toBe(true);
    expect(shop.usenet.stats).toHaveLength(26);
  });

  test("of an NZB that lists too few articles is refused before a question", async () => {
    using shop = shopWith(film(20, { unlisted: (index) => isInside(index, 20) && index % 2 === 0 }));
    expect(await rejection(shop.import())).toMatchObject({
      code: "NZB_MALFORMED",
      message: "the NZB lists only 11 of the 20 articles of its files",
    });
    expect(shop.asked).toEqual({ bodies: 2, stats: 0 });
  });
});

describe("a check of all articles", () => {
  test("asks for each once, and reads two beside the survey's", async () => {
    using shop = shopWith(film(1_000), { check: "all" });
    await shop.import();
    expect(shop.asked).toEqual({ bodies: 2 + 2, stats: 996 });
    expect(new Set([...shop.usenet.stats, ...shop.usenet.bodies]).size).toBe(1_000);
    expect(shop.usenet.most).toBe(128);
  });

  test("finds every hole", async () => {
    using shop = shopWith(film(1_000, { missing: (index) => index % 100 === 50 }), { check: "all" });
    expect((await shop.import()).note).toBe("10 of 1000 articles are missing on all providers");
    using strict = shopWith(film(1_000, { missing: (index) => index === 777 }), { check: "all", leastPercent: 100 });
    expect((await rejection(strict.import())).message).toBe("999 of 1000 articles are there (99 %)");
  });
});

describe("silence", () => {
  const silentFor = (usenet: FakeUsenet, isSilent: (index: number) => boolean) => {
    usenet.trouble = (id) => (isSilent(Number(/p(\d+)@/.exec(id)?.[1])) ? providerDown() : undefined);
  };

  test("about few articles changes nothing when enough are there", async () => {
    using shop = shopWith(film(1_000), { check: "all" });
    silentFor(shop.usenet, (index) => index > 500 && index < 550);
    expect((await shop.import()).note).toBeUndefined();
  });

  test("about so many that nothing can be said leaves the matter open", async () => {
    using shop = shopWith(film(1_000));
    silentFor(shop.usenet, (index) => index > 500 && index < 990);
    const error = await rejection(shop.import());
    expect(error).toBeInstanceOf(ProviderError);
    expect(error.message).toMatch(/^no provider would say whether \d+ of \d+ articles of the sample exist$/);
    expect(shop.catalog.stats().releases).toBe(0);
  });

  test("about the rest leaves the matter open even where the answers alone would condemn the post", async () => {
    using shop = shopWith(film(1_000, { missing: (index) => isInside(index, 1_000) && index % 3 === 0 }));
    silentFor(shop.usenet, (index) => isInside(index, 1_000) && index % 3 !== 0);
    expect((await rejection(shop.import())).code).toBe("PROVIDER_UNREACHABLE");
  });

  test("stops a check of everything early", async () => {
    using shop = shopWith(film(50_000), { check: "all" });
    silentFor(shop.usenet, (index) => isInside(index, 50_000));
    expect((await rejection(shop.import())).code).toBe("PROVIDER_UNREACHABLE");
    expect(shop.usenet.calls).toBeLessThan(5_500);
  });
});

test("the progress of a check goes on from the survey's, and only grows", async () => {
  using shop = shopWith(film(3_000), { check: "all" });
  await shop.queue();
  const seen: number[] = [];
  const job = shop.catalog.jobs.claim();
  if (job === undefined) throw new Error("nothing was queued");
  await shop.importer.run(job, { signal: new AbortController().signal, onProgress: (share) => seen.push(share) });
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.filter((share) => share > 0.1).length).toBeGreaterThan(2_900);
  expect(seen.at(-1)).toBeLessThan(1);
});

test("a job whose post is in the library completes without a question, and stays in its category", async () => {
  using shop = shopWith(film(100));
  const first = await shop.import();
  const { id } = await shop.queue("Another name", { category: "tv" });
  const before = shop.usenet.calls;
  const job = shop.catalog.jobs.claim();
  if (job === undefined) throw new Error("nothing was queued");
  const again = await shop.importer.run(job, { signal: new AbortController().signal, onProgress() {} });
  expect(shop.usenet.calls).toBe(before);
  expect(again.release).toMatchObject({ id: first.release.id, path: "movies/Film", isNew: false });
  expect(again).toMatchObject({ files: 1, note: "the library has this post already, as movies/Film" });
  expect(shop.catalog.jobs.get(id)).toMatchObject({ state: "completed", category: "tv", release: first.release.id });
  expect(idOf(1, 0)).toBe(shop.segments("movies/Film/film.mkv")[0]?.[2]);
});
