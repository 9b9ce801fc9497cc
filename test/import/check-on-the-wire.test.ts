import { describe, expect, test } from "@jest/globals";
import type { CategoryRule } from "../../src/import/category-rules.ts";
import type { ArticleFault } from "../../src/newsserver/behaviour.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import type { PostedFile } from "../../src/newsserver/posted-file.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { whileTimePasses } from "../nntp/pool-fixture.ts";
import { startWire, type Wire, type WireWish } from "./wire.ts";
import { rejection, rulesOf, Workshop } from "./workshop.ts";

const PART = 2_000;

interface Scene extends AsyncDisposable {
  readonly wire: Wire;
  readonly shop: Workshop;
  readonly file: PostedFile;
  /** Imports the posted film while time passes. */
  run(): ReturnType<Workshop["import"]>;
}

async function scene(wishes: readonly WireWish[], articles: number, rule: Partial<CategoryRule> = {}): Promise<Scene> {
  const wire = await startWire(wishes);
  const { clock, pool: source } = wire;
  const shop = new Workshop({ clock, source, rules: rulesOf({ check: "sampled", ...rule }) });
  const size = articles * PART - 7;
  const file = wire.store.addFile({ name: "film.mkv", content: patternContent(3, size), partSize: PART });
  return {
    wire,
    shop,
    file,
    run: () => whileTimePasses(clock, shop.import("Film", { nzb: Buffer.from(toNzb([file])) })),
    async [Symbol.asyncDispose]() {
      shop[Symbol.dispose]();
      await wire[Symbol.asyncDispose]();
    },
  };
}

/** Ids of a share of the parts, the first and last ones left out. */
const some = (file: PostedFile, isChosen: (part: number) => boolean): ReadonlySet<string> =>
  new Set(
    [...file.segments]
      .filter(({ number }) => number > 1 && number < file.partCount && isChosen(number))
      .map(({ id }) => id),
  );

describe("articles that are looked for", () => {
  test("cost one command each", async () => {
    await using stage = await scene([{}], 1_000);
    await stage.run();
    expect(stage.wire.asked()).toEqual({ bodies: 4, stats: 18 });
  });

  test("and that only another provider has are there", async () => {
    await using stage = await scene([{}, {}], 1_000, { leastPercent: 100 });
    const gone = some(stage.file, () => true);
    stage.wire.server.behave({ faults: (id) => (gone.has(id) ? "missing" : undefined) });
    expect((await stage.run()).note).toBeUndefined();
    expect(stage.wire.asked(1)).toEqual({ bodies: 2, stats: 18 });
  });

  test("and that nobody has are counted for each provider", async () => {
    await using stage = await scene([{}, {}], 1_000);
    const atMain = some(stage.file, (part) => part % 2 === 0);
    const atBackup = some(stage.file, (part) => part % 4 === 0);
    const [main, backup] = stage.wire.servers;
    main?.behave({ faults: (id) => (atMain.has(id) ? "missing" : undefined) });
    backup?.behave({ faults: (id) => (atBackup.has(id) ? "missing" : undefined) });
    const { code, message } = await rejection(stage.run());
    const [, there, mainLacks, backupLacks] =
      /^(\d+) of 200 articles of the sample are there \(\d+ %\): main lacks (\d+), backup lacks (\d+)$/.exec(message) ??
      [];
    expect([code, 200 - Number(there)]).toEqual(["ARTICLE_MISSING", Number(backupLacks)]);
    expect(Number(mainLacks)).toBeGreaterThan(Number(backupLacks));
  });

  test("are many at once on one connection", async () => {
    await using stage = await scene([{ connections: 1 }], 400, { check: "all" });
    const { server } = stage.wire;
    // Held as soon as it is read: those behind it have come by then.
    const seen = new Set<string>();
    using gate = server.hold(({ verb, id = "" }) => {
      if (verb === "STAT") seen.add(id);
      return verb === "STAT";
    });
    const run = stage.run();
    await gate.arrived();
    while (seen.size < 32) await new Promise((resolve) => setImmediate(resolve));
    expect(server.counters.connectionsEver).toBe(1);
    expect(seen.size).toBe(32);
    gate.open();
    await run;
    expect(stage.wire.asked()).toEqual({ bodies: 2 + 2, stats: 396 });
  });

  test("and that a provider keeps silent about are not missing", async () => {
    await using stage = await scene([{ timeoutMs: 500 }, { timeoutMs: 500 }], 1_000);
    const inside = some(stage.file, () => true);
    const [main, backup] = stage.wire.servers;
    main?.behave({ faults: (id) => (inside.has(id) ? "hangInsteadOfReply" : undefined) });
    backup?.behave({ faults: (id) => (inside.has(id) ? "missing" : undefined) });
    const { code, message } = await rejection(stage.run());
    expect([code, message]).toEqual(["PROVIDER_UNREACHABLE", expect.stringMatching(/^no provider would say whether/)]);
    expect(stage.shop.catalog.stats().releases).toBe(0);
  });

  test("at a server that does not know STAT are read, some of them", async () => {
    await using stage = await scene([{ behaviour: { unsupported: ["STAT"] } }], 1_000);
    expect((await stage.run()).note).toBeUndefined();
    expect(stage.wire.asked().bodies).toBe(2 + 2 + 20);
    await using gone = await scene([{ behaviour: { unsupported: ["STAT"] } }], 1_000);
    const lost = some(gone.file, (part) => part % 2 === 0);
    gone.wire.server.behave({ faults: (id) => (lost.has(id) ? "missing" : undefined) });
    expect((await rejection(gone.run())).message).toMatch(/^\d+ of 20 articles of the sample are there/);
  });

  test("when the first ones are gone, at a server that does not know STAT, are read too", async () => {
    const posted = async (fault: (part: number) => ArticleFault | undefined, wishes: readonly WireWish[] = [{}]) => {
      const stage = await scene(
        wishes.map((wish) => ({ ...wish, behaviour: { unsupported: ["STAT"] } })),
        1_000,
        { check: "none" },
      );
      const faults = new Map([...stage.file.segments].map(({ number, id }) => [id as string, fault(number)]));
      for (const server of stage.wire.servers) server.behave({ faults: (id) => faults.get(id) });
      return stage;
    };
    const first = (part: number) => (part === 1 ? "missing" : undefined);
    await using damaged = await posted(first);
    expect((await damaged.run()).files).toBe(1);
    // Those of the sample, and the second one, whose size stands for the first.
    expect(damaged.wire.asked().bodies).toBe(2 + 10 + 1);
    await using gone = await posted(() => "missing", [{}, {}]);
    expect(await rejection(gone.run())).toMatchObject({
      code: "ARTICLE_MISSING",
      message: "12 of 12 sampled articles are missing on all providers",
    });
    await using open = await posted(
      (part) => first(part) ?? (part < 1_000 ? "hangInsteadOfReply" : undefined),
      [{ timeoutMs: 500 }],
    );
    expect((await rejection(open.run())).code).toBe("PROVIDER_TIMEOUT");
    expect(open.shop.catalog.stats().releases).toBe(0);
  });

  test.each(["sampled", "all"] as const)(
    "and that a server says it has and does not give are missing, however many there are: %s",
    async (check) => {
      await using stage = await scene([{}], 400, { check });
      const inside = some(stage.file, () => true);
      stage.wire.server.behave({ faults: (id) => (inside.has(id) ? "bodyMissing" : undefined) });
      const lost = "0 of 20 articles of the sample are there (0 %): main lacks 20";
      expect(await rejection(stage.run())).toMatchObject({ code: "ARTICLE_MISSING", message: lost });
      expect(stage.wire.asked().bodies).toBe(2 + 2 + 20);
    },
  );

  test("and that are another part than the one that belongs there are corrupt, however many there are", async () => {
    await using stage = await scene([{}], 400);
    const inside = some(stage.file, () => true);
    stage.wire.server.behave({ faults: (id) => (inside.has(id) ? "wrongBegin" : undefined) });
    expect(await rejection(stage.run())).toMatchObject({
      code: "ARTICLE_CORRUPT",
      message: "0 of 20 articles of the sample are there (0 %): main has 20 of them corrupt",
    });
  });

  test("and that a server says it has and does not give are no loss where another one gives them", async () => {
    await using stage = await scene([{}, {}], 400, { check: "all", leastPercent: 100 });
    const inside = some(stage.file, () => true);
    stage.wire.servers[0]?.behave({ faults: (id) => (inside.has(id) ? "bodyMissing" : undefined) });
    expect((await stage.run()).note).toBeUndefined();
  });

  test("and of which each provider lacks others are all there, when all are asked for", async () => {
    await using stage = await scene([{}, {}], 1_000, { check: "all", leastPercent: 100 });
    const [main, backup] = stage.wire.servers;
    const atMain = some(stage.file, (part) => part % 100 === 17);
    const atBackup = some(stage.file, (part) => part % 100 === 71);
    main?.behave({ faults: (id) => (atMain.has(id) ? "missing" : undefined) });
    backup?.behave({ faults: (id) => (atBackup.has(id) ? "missing" : undefined) });
    expect((await stage.run()).note).toBeUndefined();
    const { bodies, stats } = stage.wire.asked(1);
    expect(bodies + stats).toBe(10);
  });
});
