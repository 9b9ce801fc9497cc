import { expect } from "@jest/globals";

/** Claims that two runs of bytes are equal; unlike toEqual it does not look at each of a million bytes as a value. */
export function expectBytes(actual: Buffer, expected: Buffer): void {
  expect(actual.length).toBe(expected.length);
  if (actual.equals(expected)) return;
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  expect({ at, byte: actual[at] }).toEqual({ at, byte: expected[at] });
}
