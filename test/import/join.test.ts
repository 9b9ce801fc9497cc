import { describe, expect, test } from "@jest/globals";
import { seededRandom } from "../random.ts";
import { type FakeUsenet, idOf, MKV } from "./fake-usenet.ts";
import { rejection, Workshop } from "./workshop.ts";

interface Shape {
  readonly count: number;
  readonly subject: (part: number) => string;
  readonly name?: (part: number) => string;
  readonly total?: number;
  readonly number?: (part: number) => number;
  /** The part posted as the file `at` (1-based). */
  readonly order?: (at: number) => number;
  readonly missing?: (part: number) => boolean;
}

const SIZE = 700;

/** Posts one file as `count` elements of one segment each; the last part is 100 bytes. */
function postSingles(usenet: FakeUsenet, shape: Shape): void {
  const { count, subject, name = () => "film.mkv", total = count, number = () => 1, order = (at) => at } = shape;
  for (let at = 1; at <= count; at++) {
    const part = order(at);
    usenet.post({
      name: name(part),
      subject: subject(part),
      parts: [part === total ? 100 : SIZE],
      number: () => number(part),
      missing: () => shape.missing?.(part) === true,
      ...(part === 1 ? { head: MKV } : {}),
      info: () => ({
        begin: (part - 1) * SIZE,
        partNumber: part,
        totalParts: total,
        fileSize: (total - 1) * SIZE + 100,
        name: "film.mkv",
      }),
    });
  }
}

function shuffled(count: number, seed: number): (at: number) => number {
  const random = seededRandom(seed);
  const order = Array.from({ length: count }, (_, index) => index + 1);
  for (let at = count - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other] as number, order[at] as number];
  }
  return (at) => order[at - 1] as number;
}

const hashOf = (part: number) => `${part.toString(16).padStart(8, "0")}${"b082fa0beaa644d3aa01045d"}`;

describe("one <file> for each segment", () => {
  test("is joined into one film: 10 151 of them cost four articles in one round trip", async () => {
    using shop = new Workshop();
    const count = 10_151;
    postSingles(shop.usenet, {
      count,
      subject: (part) => `[1/1] - "film.mkv" yEnc (${part}/${count})`,
      order: shuffled(count, 1),
    });
    const { release } = await shop.import();
    expect(shop.files(release.path)).toEqual({ "film.mkv": (count - 1) * SIZE + 100 });
    expect(shop.usenet.calls).toBe(4);
    expect(shop.usenet.roundTrips).toBe(1);
  });

  test("has its parts in the order of the subjects, whatever the order of the document", async () => {
    using shop = new Workshop();
    const order = shuffled(40, 2);
    postSingles(shop.usenet, { count: 40, subject: (part) => `"film.mkv" yEnc (${part}/40)`, order });
    await shop.import();
    const fileOfPart = (part: number) =>
      Array.from({ length: 40 }, (_, at) => at + 1).find((at) => order(at) === part) as number;
    const ids = shop.segments("movies/Film/film.mkv").map(([, , id]) => id);
    expect(ids).toEqual(Array.from({ length: 40 }, (_, index) => idOf(fileOfPart(index + 1), 0)));
  });

  test("is joined by segment numbers when the subjects do not count", async () => {
    using shop = new Workshop();
    postSingles(shop.usenet, {
      count: 30,
      subject: () => '"film.mkv" yEnc',
      number: (part) => part,
      order: shuffled(30, 3),
    });
    const { release } = await shop.import();
    expect(shop.files(release.path)).toEqual({ "film.mkv": 29 * SIZE + 100 });
    expect(shop.usenet.calls).toBe(4);
  });

  test("is joined in the order of the document when each has a random name", async () => {
    using shop = new Workshop();
    postSingles(shop.usenet, { count: 300, subject: (part) => `${hashOf(part)} yEnc`, name: hashOf });
    const { release } = await shop.import("Great Film");
    expect(shop.files(release.path)).toEqual({ "film.mkv": 299 * SIZE + 100 });
    expect(shop.usenet.calls).toBe(4);
  });

  test("is joined when the names differ in their numbers only", async () => {
    using shop = new Workshop();
    const name = (part: number) => `film.${part}.bin`;
    const order = shuffled(300, 6);
    postSingles(shop.usenet, { count: 300, subject: (part) => `"${name(part)}" yEnc (1/1)`, name, order });
    const { release } = await shop.import("Great Film");
    expect(shop.files(release.path)).toEqual({ "film.1.mkv": 299 * SIZE + 100 });
    expect(shop.usenet.calls).toBe(4);
  });

  test("of two films of one poster is two films", async () => {
    using shop = new Workshop();
    for (const film of ["film1.mkv", "film2.mkv"]) {
      const subject = (part: number) => `"${film}" yEnc (${part}/20)`;
      postSingles(shop.usenet, { count: 20, subject, name: () => film });
    }
    const { release } = await shop.import();
    const size = 19 * SIZE + 100;
    expect(shop.files(release.path)).toEqual({ "film1.mkv": size, "film2.mkv": size });
    expect(shop.usenet.calls).toBe(8);
  });

  test("is put in order by its articles when nothing else tells, if they are few", async () => {
    using shop = new Workshop();
    postSingles(shop.usenet, { count: 50, subject: () => '"film.mkv" yEnc', order: shuffled(50, 4) });
    const { release } = await shop.import();
    expect(shop.files(release.path)).toEqual({ "film.mkv": 49 * SIZE + 100 });
    expect(shop.segments("movies/Film/film.mkv").map(([begin]) => begin)).toEqual(
      Array.from({ length: 50 }, (_, i) => i * SIZE),
    );
    expect(shop.usenet.bodies).toHaveLength(50);
    expect(new Set(shop.usenet.bodies).size).toBe(50);
  });

  test("is refused when nothing tells the order of 300", async () => {
    using shop = new Workshop();
    postSingles(shop.usenet, { count: 300, subject: () => '"film.mkv" yEnc', order: shuffled(300, 5) });
    const error = await rejection(shop.import());
    expect(error).toMatchObject({
      code: "NZB_MALFORMED",
      message: "cannot map film.mkv: nothing says in which order its 300 articles belong",
    });
    expect(shop.usenet.calls).toBe(4);
  });

  test("has holes where the NZB leaves parts out", async () => {
    using shop = new Workshop();
    const listed = (at: number) => (at < 5 ? at : at + 2);
    postSingles(shop.usenet, {
      count: 18,
      total: 20,
      subject: (part) => `"film.mkv" yEnc (${part}/20)`,
      order: listed,
    });
    const { release } = await shop.import();
    expect(shop.files(release.path)).toEqual({ "film.mkv": 19 * SIZE + 100 });
    const segments = shop.segments("movies/Film/film.mkv");
    expect(segments[3]).toEqual([3 * SIZE, SIZE, idOf(4, 0)]);
    expect(segments[4]).toEqual([4 * SIZE, SIZE, undefined]);
    expect(segments[6]).toEqual([6 * SIZE, SIZE, idOf(5, 0)]);
  });

  test("is joined although its first and last articles are gone", async () => {
    using shop = new Workshop();
    const missing = (part: number) => part === 1 || part === 60;
    postSingles(shop.usenet, { count: 60, subject: (part) => `"film.mkv" yEnc (${part}/60)`, missing });
    const { release } = await shop.import();
    expect(shop.files(release.path)).toEqual({ "film.mkv": 59 * SIZE + 100 });
  });
});

describe("small files of one poster", () => {
  test("stay apart when each is whole, and no article is asked for twice", async () => {
    using shop = new Workshop();
    for (let file = 1; file <= 12; file++) shop.usenet.post({ name: hashOf(file), parts: [file * 10], head: MKV });
    const { release } = await shop.import();
    const sizes = Object.values(shop.files(release.path));
    expect(sizes.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => (index + 1) * 10));
    expect(shop.usenet.bodies).toHaveLength(12);
    expect(new Set(shop.usenet.bodies).size).toBe(12);
  });

  test("stay apart under the same name", async () => {
    using shop = new Workshop();
    shop.usenet.post({ name: "a.mkv", parts: [10] }).post({ name: "a.mkv", parts: [20] });
    const { release } = await shop.import();
    expect(shop.files(release.path)).toEqual({ "a.mkv": 10, "a (2).mkv": 20 });
  });

  test("are the pieces of one under names that count, each of one size and with a part numbering of its own", async () => {
    using shop = new Workshop();
    for (let file = 1; file <= 20; file++) {
      const name = `Alotta-Files.${String(file).padStart(4, "0")}`;
      shop.usenet.post({ name, subject: `[${file}/20] - "${name}" yEnc (1/1) 81920`, parts: [50] });
    }
    const { release } = await shop.import();
    expect(shop.files(release.path)).toEqual({ "Alotta-Files": 1000 });
    expect(shop.usenet.calls).toBe(20);
  });
});
