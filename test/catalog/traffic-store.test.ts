import { describe, expect, test } from "@jest/globals";
import { KEPT_DAYS } from "../../src/catalog/traffic-store.ts";
import { countOf, library, openRows } from "./fixture.ts";

const DAY = 20_000;

function traffic(provider: string, day: number, bytes: number) {
  return { provider, day, bytes, articlesTried: 10, articlesFound: 9 };
}

describe("the log of traffic", () => {
  test("adds up by provider and day, beyond 32 bits, over a restart", () => {
    using shelf = library();
    const log = shelf.open().traffic;
    expect([log.since(0), log.totals()]).toEqual([[], new Map()]);
    log.add(traffic("b", DAY, 5e12));
    log.add(traffic("a", DAY + 1, 7));
    log.add(traffic("b", DAY, 5e12));
    log.add(traffic("a", DAY, 1));
    const again = shelf.reopen().traffic;
    expect(again.since(DAY)).toEqual([
      traffic("a", DAY, 1),
      { provider: "b", day: DAY, bytes: 1e13, articlesTried: 20, articlesFound: 18 },
      traffic("a", DAY + 1, 7),
    ]);
    expect(again.since(DAY + 1)).toEqual([traffic("a", DAY + 1, 7)]);
    expect(again.totals()).toEqual(
      new Map([
        ["a", 8],
        ["b", 1e13],
      ]),
    );
  });

  test("keeps so many days, and what came before them in the totals", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const log = rows.catalog.traffic;
    for (let day = 0; day < KEPT_DAYS + 50; day++) {
      log.add(traffic("a", DAY + day, 1));
      log.add(traffic("b", DAY + day, 2));
    }
    expect(countOf(rows.db, "traffic")).toBe(KEPT_DAYS * 2);
    expect(log.since(0)[0]?.day).toBe(DAY + 50);
    expect(log.totals()).toEqual(
      new Map([
        ["a", KEPT_DAYS + 50],
        ["b", 2 * KEPT_DAYS + 100],
      ]),
    );
  });

  test("loses one day, and not all, to a clock that was wrong for a moment", () => {
    using shelf = library();
    const log = shelf.open().traffic;
    for (let day = 0; day < KEPT_DAYS; day++) log.add(traffic("a", DAY + day, 1));
    log.add(traffic("a", DAY + 40_000, 1));
    expect(log.since(DAY)).toHaveLength(KEPT_DAYS);
    expect(log.since(DAY)[0]?.day).toBe(DAY + 1);
  });
});
