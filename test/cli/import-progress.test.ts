import { PassThrough } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import type { Followed } from "../../src/cli/import-follow.ts";
import { importProgress } from "../../src/cli/import-progress.ts";
import type { ImportView } from "../../src/cli/import-view.ts";

/** A standard error that keeps what was written to it; with a width it is a terminal. */
function screen(columns?: number) {
  const stream = Object.assign(new PassThrough(), columns === undefined ? {} : { isTTY: true, columns });
  return { stream, written: () => String(stream.read() ?? "") };
}

function followed(...views: readonly (Partial<ImportView> & { readonly state: string })[]): Followed {
  return new Map(views.map((view, index) => [String(index), { id: String(index), name: `Film ${index}`, ...view }]));
}

const UP = (lines: number) => `\u001b[${lines}A\r\u001b[J`;

describe("the progress of imports on a terminal", () => {
  test("is a bar with the time left, drawn over the last one, and gone in the end", () => {
    const { stream, written } = screen(80);
    const progress = importProgress(stream);
    progress.show(followed({ state: "importing", progress: 0.45, timeLeftMs: 12_300 }));
    expect(written()).toBe("[#########...........]  45 %  Film 0, 12 s left\n");
    progress.show(followed({ state: "importing", progress: 1 }));
    expect(written()).toBe(`${UP(1)}[####################] 100 %  Film 0\n`);
    progress.end();
    expect(written()).toBe(UP(1));
    progress.end();
    expect(written()).toBe("");
  });

  test("tells what a single import waits for", () => {
    const { stream, written } = screen(80);
    importProgress(stream).show(followed({ state: "waiting", reason: "no provider can be reached; next try in 10 s" }));
    expect(written()).toBe("Film 0: waiting, no provider can be reached; next try in 10 s\n");
  });

  test("has a bar for each import that runs, and one line for all of them", () => {
    const { stream, written } = screen(80);
    const running = { state: "importing", progress: 0.5, timeLeftMs: 60_000 };
    importProgress(stream).show(
      followed({ state: "completed" }, running, running, { state: "queued", timeLeftMs: 300_000 }, { state: "failed" }),
    );
    expect(written().split("\n")).toEqual([
      "[##########..........]  50 %  Film 1, 60 s left",
      "[##########..........]  50 %  Film 2, 60 s left",
      "1 of 5 done, 2 importing, 1 queued, 1 failed; 5 min left",
      "",
    ]);
  });

  test("is one line when many run at once", () => {
    const { stream, written } = screen(80);
    importProgress(stream).show(followed(...Array.from({ length: 40 }, () => ({ state: "importing", progress: 0.5 }))));
    expect(written()).toBe("0 of 40 done, 40 importing\n");
  });

  test("never fills a line, so that the next one is drawn over all of it; names move no cursor", () => {
    const { stream, written } = screen(40);
    const progress = importProgress(stream);
    progress.show(followed({ state: "importing", progress: 0, name: `\u001b[2J${"x".repeat(100)}` }));
    const [line = ""] = written().split("\n");
    expect(line).toHaveLength(39);
    expect(line).toMatch(/^\[\.{20}\] {3}0 % {2}\?\[2Jx+…$/);
    progress.handOver(3, 10);
    expect(written()).toBe(`${UP(1)}handed over 3 of 10\n`);
  });
});

test("where nobody looks, each change of an import is one line", () => {
  const { stream, written } = screen();
  const progress = importProgress(stream);
  progress.handOver(1, 2);
  progress.show(followed({ state: "queued" }, { state: "importing", progress: 0.1 }));
  progress.show(followed({ state: "queued" }, { state: "importing", progress: 0.2 }));
  progress.show(followed({ state: "importing", progress: 0 }, { state: "completed" }));
  progress.end();
  expect(written()).toBe("Film 0: queued\nFilm 1: importing\nFilm 0: importing\n");
});
