import { expect, test } from "@jest/globals";
import { library } from "./fixture.ts";

const DIGESTS = { MD5: "a".repeat(32), "SHA-256": "b".repeat(64) };
const made = (name: string) => ({
  name,
  mayWrite: name === "b",
  hash: `${name} hash`,
  digestSecrets: DIGESTS,
  createdAt: 5,
});

test("app passwords are kept as they were given, and outlive the process", () => {
  using shelf = library();
  const store = shelf.open().appPasswords;
  const [a, b] = [store.add(made("a")), store.add(made("b"))];
  store.noteUse(b, 77);
  const kept = [
    { ...made("a"), id: a, lastUsedAt: undefined },
    { ...made("b"), id: b, lastUsedAt: 77 },
  ];
  expect(store.load()).toEqual(kept);
  expect(shelf.reopen().appPasswords.load()).toEqual(kept);
});

test("an app password that was removed is gone, and its id is nobody's again", () => {
  using shelf = library();
  const first = shelf.open().appPasswords;
  const [a, b] = [first.add(made("a")), first.add(made("b"))];
  first.remove(b);
  const store = shelf.reopen().appPasswords;
  expect(store.load().map(({ id }) => id)).toEqual([a]);
  expect(store.add(made("b"))).toBeGreaterThan(b);
  store.remove(999);
  store.noteUse(999, 1);
});

test("two app passwords of one name, or of one hash, cannot be", () => {
  using shelf = library();
  const store = shelf.open().appPasswords;
  store.add(made("a"));
  expect(() => store.add(made("a"))).toThrow();
  expect(() => store.add({ ...made("c"), hash: "a hash" })).toThrow();
  expect(store.load()).toHaveLength(1);
});
