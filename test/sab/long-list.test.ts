import { describe, expect, test } from "@jest/globals";
import { jsonOf, LongList } from "../../src/sab/long-list.ts";

const { signal } = new AbortController();

async function textOf(answer: object): Promise<string> {
  return Buffer.concat(await jsonOf(answer, { signal })).toString("utf8");
}

describe("an answer with a long list", () => {
  test.each([0, 1, 199, 200, 201, 1000])("of %i items is the JSON of the same with a plain one", async (length) => {
    const item = (number: number) => ({ number, name: `"ä" \u2028 ${number}` });
    const plain = Array.from({ length }, (_, number) => item(number));
    const answer = (slots: object) => ({ queue: { a: 1, slots, b: { slots, c: "\u0000" } }, d: [slots, null] });
    expect(await textOf(answer(new LongList(length, item)))).toBe(JSON.stringify(answer(plain)));
  });

  test("makes its items while others get their turn", async () => {
    let turns = 0;
    const turnsAt: number[] = [];
    let timer = setImmediate(function again() {
      turns += 1;
      timer = setImmediate(again);
    });
    const list = new LongList(1000, () => {
      turnsAt.push(turns);
      return {};
    });
    await textOf({ list });
    clearImmediate(timer);
    expect(turnsAt).toHaveLength(1000);
    expect(new Set(turnsAt).size).toBe(5);
  });

  test("is given up when the client leaves", async () => {
    const client = new AbortController();
    let made = 0;
    const list = new LongList(1000, () => {
      made += 1;
      if (made === 1) client.abort(new Error("gone"));
      return {};
    });
    await expect(jsonOf({ list }, { signal: client.signal })).rejects.toThrow("gone");
    expect(made).toBe(200);
  });
});
