import { describe, expect, test } from "@jest/globals";
import { ProviderError } from "../../src/base/errors.ts";
import type { Job } from "../../src/catalog/jobs.ts";
import { seededRandom } from "../random.ts";
import { type FakeUsenet, idOf, MKV, parts, providerDown } from "./fake-usenet.ts";
import { rejection, settle, Workshop } from "./workshop.ts";

const HASH = "b082fa0beaa644d3aa01045d5b8d0b36";
const PAR2 = Buffer.from("PAR2\0PKT");
const film = { name: "film.mkv", parts: parts(100, 1000, 300), head: MKV };

async function imported(post: (usenet: FakeUsenet) => void, name?: string) {
  const shop = new Workshop();
  post(shop.usenet);
  const result = await shop.import(name);
  return { shop, result, files: shop.files(result.release.path) };
}

async function refused(post: (usenet: FakeUsenet) => void) {
  const shop = new Workshop();
  post(shop.usenet);
  return { shop, error: await rejection(shop.import()) };
}

describe("an import asks little", () => {
  test("a film of 25 GB costs two articles and one round trip", async () => {
    const { shop, files } = await imported((usenet) =>
      usenet.post({ name: "film.mkv", parts: parts(35_000, 716_800, 99), head: MKV }),
    );
    using _ = shop;
    expect(shop.usenet.bodies.sort()).toEqual([idOf(1, 0), idOf(1, 34_999)]);
    expect(shop.usenet.stats).toEqual([]);
    expect(shop.usenet.roundTrips).toBe(1);
    expect(files).toEqual({ "film.mkv": 34_999 * 716_800 + 99 });
  });

  test("a file of one article costs one", async () => {
    const { shop } = await imported((usenet) => usenet.post({ name: "film.mkv", parts: [500], head: MKV }));
    using _ = shop;
    expect(shop.usenet.calls).toBe(1);
    expect(shop.segments("movies/Film/film.mkv")).toEqual([[0, 500, idOf(1, 0)]]);
  });

  test("par2 and nzb files are not asked for and make no entry", async () => {
    const { shop, files } = await imported((usenet) =>
      usenet
        .post(film)
        .post({ name: "film.vol000+01.par2", parts: parts(5, 1000) })
        .post({ name: "film.nzb", parts: [100] }),
    );
    using _ = shop;
    expect(shop.usenet.calls).toBe(2);
    expect(files).toEqual({ "film.mkv": 99_300 });
  });

  test("a season costs two articles per episode, and never more than 36 at once", async () => {
    const { shop, files } = await imported((usenet) => {
      for (let episode = 1; episode <= 60; episode++) usenet.post({ ...film, name: `show.e${episode}.mkv` });
    });
    using _ = shop;
    expect(shop.usenet.bodies).toHaveLength(120);
    expect(new Set(shop.usenet.bodies).size).toBe(120);
    expect(shop.usenet.most).toBeLessThanOrEqual(36);
    expect(Object.keys(files)).toHaveLength(60);
  });

  test("articles larger than a megabyte are read, into slots that grow", async () => {
    const size = 5 * 1024 * 1024;
    const { shop, files } = await imported((usenet) =>
      usenet.post({ name: "film.mkv", parts: parts(3, size), head: MKV }),
    );
    using _ = shop;
    expect(shop.usenet.calls).toBe(2);
    expect(files).toEqual({ "film.mkv": 3 * size });
    expect(shop.usenet.largestSlot).toBeGreaterThan(size);
  });

  test("also when the NZB says that they are small", async () => {
    const { shop } = await imported((usenet) =>
      usenet.post({ name: "film.mkv", parts: parts(3, 5 * 1024 * 1024), encoded: () => 700_000 }),
    );
    using _ = shop;
    expect(shop.usenet.calls).toBe(4);
  });
});

describe("an imported release", () => {
  test("has every part in its place, holes included", async () => {
    const { shop } = await imported((usenet) =>
      usenet.post({ name: "film.mkv", parts: [10, 10, 10, 10, 4], unlisted: (index) => index === 2 }),
    );
    using _ = shop;
    expect(shop.segments("movies/Film/film.mkv")).toEqual([
      [0, 10, idOf(1, 0)],
      [10, 10, idOf(1, 1)],
      [20, 10, undefined],
      [30, 10, idOf(1, 3)],
      [40, 4, idOf(1, 4)],
    ]);
  });

  test("has the exact ends of irregular parts", async () => {
    const { shop } = await imported((usenet) =>
      usenet.post({ name: "film.mkv", parts: [10, 20, 5, 30, 4], encoded: () => 0 }),
    );
    using _ = shop;
    expect(shop.segments("movies/Film/film.mkv").map(([begin, size]) => [begin, size])).toEqual([
      [0, 10],
      [10, 20],
      [30, 5],
      [35, 30],
      [65, 4],
    ]);
  });

  test("has its samples in a folder, its subtitles and notes beside the film", async () => {
    const { shop, files } = await imported((usenet) =>
      usenet
        .post(film)
        .post({ name: "film-sample.mkv", parts: [1000], head: MKV })
        .post({ name: "film.srt", parts: [50] })
        .post({ name: "film.nfo", parts: [20] }),
    );
    using _ = shop;
    expect(files).toEqual({ "film.mkv": 99_300, "Sample/film-sample.mkv": 1000, "film.srt": 50, "film.nfo": 20 });
  });

  test("has the film at its top when the only film is called a sample", async () => {
    const { shop, files } = await imported((usenet) => usenet.post({ ...film, name: "sample.mkv" }));
    using _ = shop;
    expect(files).toEqual({ "sample.mkv": 99_300 });
  });

  test("names obfuscated files after itself and by their content, and drops those that are par2", async () => {
    const { shop, files } = await imported(
      (usenet) =>
        usenet.post({ ...film, name: HASH }).post({ name: `1${HASH.slice(1)}`, parts: [300, 300], head: PAR2 }),
      "Film (2024)",
    );
    using _ = shop;
    expect(files).toEqual({ "Film (2024).mkv": 99_300 });
  });

  test("keeps two files of one name, also when they differ only in case", async () => {
    const { shop, files } = await imported((usenet) => usenet.post(film).post({ ...film, name: "FILM.mkv" }));
    using _ = shop;
    expect(files).toEqual({ "film.mkv": 99_300, "film (2).mkv": 99_300 });
  });

  test("keeps what is merely called an archive, and says so", async () => {
    const { shop, result, files } = await imported((usenet) =>
      usenet.post({ name: "film.part1.rar", parts: [9, 9] }).post({ name: "film.part2.rar", parts: [9] }),
    );
    using _ = shop;
    expect(files).toEqual({ "film.part1.rar": 18, "film.part2.rar": 9 });
    expect(result.note).toBe("2 files kept as posted: called an archive, and does not begin like one");
  });

  test("of subtitles alone is a release", async () => {
    const { shop, files } = await imported((usenet) => usenet.post({ name: "film.srt", parts: [50] }));
    using _ = shop;
    expect(files).toEqual({ "film.srt": 50 });
  });

  test("of songs that are all called samples has them at its top, with the cover beside them", async () => {
    const { shop, files, result } = await imported((usenet) => {
      for (let song = 1; song <= 12; song++)
        usenet.post({ name: `0${song} free.sample.${song}.mp3`, parts: [300, 300] });
      usenet.post({ name: "cover.jpg", parts: [50], missing: () => true }).post({ name: "album.nfo", parts: [20] });
    });
    using _ = shop;
    const songs = Array.from({ length: 12 }, (_, at) => [`0${at + 1} free.sample.${at + 1}.mp3`, 600]);
    expect(files).toEqual({ ...Object.fromEntries(songs), "album.nfo": 20 });
    expect(result.note).toBe("1 small file left out: nobody has the articles");
  });

  test("of songs that are all called samples misses a song that is gone", async () => {
    const { shop, error } = await refused((usenet) => {
      for (let song = 1; song <= 12; song++) {
        usenet.post({ name: `${song}.sample.mp3`, parts: [300, 300], missing: () => song === 7 });
      }
    });
    using _ = shop;
    expect(error).toMatchObject({ code: "ARTICLE_MISSING", message: expect.stringContaining("7.sample.mp3") });
  });

  test("of an empty file has an empty file", async () => {
    const { shop, files } = await imported((usenet) => usenet.post(film).post({ name: "proof.txt", parts: [0] }));
    using _ = shop;
    expect(files).toEqual({ "film.mkv": 99_300, "proof.txt": 0 });
  });

  test("is one when the same NZB is imported twice", async () => {
    using shop = new Workshop();
    shop.usenet.post(film);
    const first = await shop.import();
    const nzb = shop.catalog.jobs.source((shop.catalog.jobs.list({ limit: 1 })[0] as Job).id).nzb;
    shop.catalog.jobs.add({ name: "Film", category: "other", digest: digestOf(shop), passwords: [], nzb, bytes: 1 });
    const again = await shop.importer.run(shop.catalog.jobs.claim() as Job, {
      signal: new AbortController().signal,
      onProgress() {},
    });
    expect(again.release).toMatchObject({ id: first.release.id, isNew: false });
    expect(again.note).toBe("the library has this post already, as movies/Film");
    expect(shop.catalog.stats()).toMatchObject({ releases: 1, files: 1 });
    expect(shop.catalog.jobs.counts().completed).toBe(2);
  });
});

function digestOf(shop: Workshop): string {
  return (shop.catalog.jobs.list({ limit: 1 })[0] as Job).digest;
}

describe("a post that is gone", () => {
  const gone = { missing: () => true };

  test("of one large file is refused after twelve questions in two round trips", async () => {
    const { shop, error } = await refused((usenet) => usenet.post({ ...film, ...gone }));
    using _ = shop;
    expect(error).toMatchObject({
      code: "ARTICLE_MISSING",
      message: "12 of 12 sampled articles are missing on all providers",
    });
    expect(error.hint).toMatch(/try another release/);
    expect(shop.usenet.bodies).toHaveLength(2);
    expect(shop.usenet.stats).toHaveLength(10);
    expect(shop.usenet.roundTrips).toBe(2);
    expect(shop.catalog.stats().releases).toBe(0);
  });

  test("of 600 files is refused after twelve questions in one round trip", async () => {
    const { shop, error } = await refused((usenet) => {
      for (let file = 0; file < 600; file++) usenet.post({ name: `a${file}.mkv`, parts: [9, 9, 9], ...gone });
    });
    using _ = shop;
    expect(error.message).toBe("12 of 12 sampled articles are missing on all providers");
    expect(shop.usenet.calls).toBe(12);
    expect(shop.usenet.roundTrips).toBe(1);
  });

  test("of three articles is refused by all three", async () => {
    const { shop, error } = await refused((usenet) => usenet.post({ name: "a.mkv", parts: [9, 9, 9], ...gone }));
    using _ = shop;
    expect(error.message).toBe("3 of 3 sampled articles are missing on all providers");
  });

  test("but for one of 16 articles is refused with numbers", async () => {
    const { shop, error } = await refused((usenet) =>
      usenet.post({ name: "a.mkv", parts: parts(16, 100), missing: (index) => index !== 0 }),
    );
    using _ = shop;
    expect(error.message).toBe("11 of 12 sampled articles are missing on all providers");
  });

  test("in one of its ten episodes is refused by that episode's name", async () => {
    const { shop, error } = await refused((usenet) => {
      for (let episode = 0; episode < 10; episode++) {
        usenet.post({ ...film, name: `show.e${episode}.mkv`, missing: () => episode === 7 });
      }
    });
    using _ = shop;
    expect(error.message).toMatch(/^\d+ of \d+ sampled articles of show\.e7\.mkv are missing on all providers$/);
    expect(shop.catalog.stats().releases).toBe(0);
  });

  test("in its extras only is imported without them", async () => {
    const { shop, result, files } = await imported((usenet) =>
      usenet.post(film).post({ name: "film.nfo", parts: [5], ...gone }),
    );
    using _ = shop;
    expect(files).toEqual({ "film.mkv": 99_300 });
    expect(result.note).toBe("1 small file left out: nobody has the articles");
  });

  test.each([0, 50, 99])("in article %i only is imported, damage and all", async (lost) => {
    const { shop, files } = await imported((usenet) => usenet.post({ ...film, missing: (index) => index === lost }));
    using _ = shop;
    expect(files).toEqual({ "film.mkv": 99_300 });
    expect(shop.segments("movies/Film/film.mkv")).toHaveLength(100);
  });

  test("and of which nothing but par2 was posted is refused for that", async () => {
    const { shop, error } = await refused((usenet) =>
      usenet.post({ name: "a.par2", parts: [5] }).post({ name: "a.vol0+1.par2", parts: [5] }),
    );
    using _ = shop;
    expect(error.message).toBe("the post holds nothing to show, only 2 par2");
    expect(shop.usenet.calls).toBe(0);
  });

  test("and that the NZB does not even list is refused without a question", async () => {
    const { shop, error } = await refused((usenet) =>
      usenet.post({ name: "a.mkv", parts: parts(30, 100), unlisted: (index) => index > 2 && index < 29 }),
    );
    using _ = shop;
    expect(error).toMatchObject({
      code: "NZB_MALFORMED",
      message: "the NZB lists only 4 of the 30 articles of its files",
    });
    expect(shop.usenet.calls).toBe(0);
  });
});

describe("a provider that is down", () => {
  test("makes the import end with the provider's error, whatever others said", async () => {
    const { shop, error } = await refused((usenet) => {
      usenet.post({ ...film, missing: () => true });
      usenet.trouble = (id) => (id === idOf(1, 99) ? providerDown() : undefined);
    });
    using _ = shop;
    expect(error).toBeInstanceOf(ProviderError);
  });

  test("while more articles are sampled leaves the matter open", async () => {
    const { shop, error } = await refused((usenet) => {
      usenet.post({ ...film, missing: () => true });
      usenet.trouble = (id) => (id === idOf(1, 0) || id === idOf(1, 99) ? undefined : providerDown());
    });
    using _ = shop;
    expect(error.code).toBe("PROVIDER_UNREACHABLE");
  });

  test("stops all other questions", async () => {
    const { shop } = await refused((usenet) => {
      for (let file = 0; file < 500; file++) usenet.post({ name: `a${file}.mkv`, parts: [9, 9, 9] });
      usenet.trouble = () => providerDown();
    });
    using _ = shop;
    expect(shop.usenet.running).toBe(0);
    expect(shop.usenet.calls).toBeLessThanOrEqual(12);
  });
});

describe("an aborted import", () => {
  /** Everything an import can wait for: several rounds, joins, sampling. */
  const post = (usenet: FakeUsenet) => {
    usenet.post({ name: "film.mkv", parts: parts(50, 10, 3), head: MKV, missing: (index) => index === 0 });
    usenet.post({ name: "other.mkv", parts: [10, 20, 30, 40, 50], encoded: () => 0 });
    for (let part = 1; part <= 9; part++) {
      const info = () => ({ begin: (part - 1) * 7, partNumber: part, totalParts: 9, fileSize: 63 });
      usenet.post({ name: "joined.mkv", subject: `"joined.mkv" yEnc (${part}/9)`, parts: [7], info });
    }
  };

  /** Imports the post, aborting after so many questions and answers; 0: before the NZB is parsed. */
  async function abortedAfter(events: number) {
    const shop = new Workshop();
    post(shop.usenet);
    await shop.queue();
    const abort = new AbortController();
    const reason = new Error("enough");
    let seen = 0;
    shop.usenet.onEvent = (count) => {
      seen = count;
      if (count === events) abort.abort(reason);
    };
    const run = shop.importer.run(shop.catalog.jobs.claim() as Job, { signal: abort.signal, onProgress() {} });
    if (events === 0) abort.abort(reason);
    const error = await run.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return { shop, error, reason, seen };
  }

  test("at any moment leaves nothing behind, and a job that can be claimed again (seeded)", async () => {
    const whole = await abortedAfter(Number.POSITIVE_INFINITY);
    using _ = whole.shop;
    expect(whole.error).toBeUndefined();
    expect(whole.shop.catalog.stats()).toMatchObject({ releases: 1, files: 3 });
    expect(whole.seen).toBeGreaterThan(30);

    const random = seededRandom(5);
    const moments = Array.from({ length: 30 }, () => 1 + Math.floor(random() * whole.seen));
    for (const moment of new Set([0, 1, ...moments, whole.seen])) {
      const { shop, error, reason } = await abortedAfter(moment);
      using _closing = shop;
      expect(error).toBe(reason);
      await settle(2);
      expect(shop.usenet.running).toBe(0);
      expect(shop.catalog.stats()).toMatchObject({ releases: 0, files: 0, segments: 0 });
      expect(shop.catalog.jobs.recover()).toBe(1);
      expect(shop.catalog.jobs.claim()?.attempts).toBe(2);
    }
  });
});

test("progress only grows and stays below one until the end", async () => {
  using shop = new Workshop();
  for (let file = 0; file < 30; file++) shop.usenet.post({ ...film, name: `a${file}.mkv` });
  await shop.queue();
  const seen: number[] = [];
  await shop.importer.run(shop.catalog.jobs.claim() as Job, {
    signal: new AbortController().signal,
    onProgress: (progress) => seen.push(progress),
  });
  expect(seen).toHaveLength(60);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.every((progress) => progress > 0 && progress < 1)).toBe(true);
});
