import { describe, expect, test } from "@jest/globals";
import { library } from "./fixture.ts";

describe("stored settings", () => {
  test("are there after a restart as they were set last, whatever JSON they are", () => {
    using shelf = library();
    const { settings } = shelf.open();
    expect(settings.all()).toEqual(new Map());
    const values = { "imports.maxJobs": 3, a: "text \u{1f511}", b: [1, { c: null }], d: false, e: null } as const;
    for (const [key, value] of Object.entries(values)) settings.set(key, value);
    settings.set("imports.maxJobs", 5);
    expect(shelf.reopen().settings.all()).toEqual(new Map(Object.entries({ ...values, "imports.maxJobs": 5 })));
  });

  test("are forgotten by undefined", () => {
    using shelf = library();
    const { settings } = shelf.open();
    settings.set("a", 1);
    settings.set("a", undefined);
    settings.set("b", undefined);
    expect(settings.all()).toEqual(new Map());
  });
});
