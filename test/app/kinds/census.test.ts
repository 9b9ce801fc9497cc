import { expect, test } from "@jest/globals";
import { TO_REFUSE, TO_SERVE } from "./benchmark.ts";
import { LARGE_FILE_KINDS, LARGE_SET_KINDS } from "./large-kinds.ts";
import { PLAIN_KINDS } from "./plain-kinds.ts";
import { RAR4_KINDS } from "./rar4-kinds.ts";
import { RAR5_KINDS } from "./rar5-kinds.ts";
import { REFUSED_KINDS } from "./refused-kinds.ts";
import { SEVEN_ZIP_KINDS } from "./seven-zip-kinds.ts";
import { ZIP_KINDS } from "./zip-kinds.ts";

const SERVED = [
  LARGE_FILE_KINDS,
  LARGE_SET_KINDS,
  PLAIN_KINDS,
  RAR4_KINDS,
  RAR5_KINDS,
  SEVEN_ZIP_KINDS,
  ZIP_KINDS,
].flat();

test("every one of the benchmark's 31 kinds is among those that are tested, once", () => {
  const isServed = (name: string) => SERVED.filter((kind) => kind.name === name).length;
  const isRefused = (name: string) => REFUSED_KINDS.filter((kind) => kind.name === name).length;
  expect(TO_SERVE.map((name) => [name, isServed(name)])).toEqual(TO_SERVE.map((name) => [name, 1]));
  expect(TO_REFUSE.map((name) => [name, isRefused(name)])).toEqual(TO_REFUSE.map((name) => [name, 1]));
  expect(TO_SERVE.length + TO_REFUSE.length).toBe(31);
  const names = [...SERVED, ...REFUSED_KINDS].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
