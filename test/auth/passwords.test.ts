import { describe, expect, test } from "@jest/globals";
import {
  defaultCost,
  hashPassword,
  impossibleHash,
  parsePasswordHash,
  verifyPassword,
} from "../../src/auth/passwords.ts";
import { errorCode } from "../../src/base/errors.ts";

const CHEAP = { ln: 4, r: 8, p: 1 };

describe("a password hash", () => {
  test("names its cost, and has a salt of its own", async () => {
    const [one, two] = await Promise.all([hashPassword("secret", CHEAP), hashPassword("secret", CHEAP)]);
    expect(one).toMatch(/^\$scrypt\$ln=4,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(two);
    expect(one).not.toContain("secret");
  });

  test("costs 32 MiB unless told otherwise, and is checked within that", async () => {
    expect(128 * defaultCost.r * 2 ** defaultCost.ln).toBe(32 * 1024 ** 2);
    expect(await verifyPassword("secret", parsePasswordHash(await hashPassword("secret")))).toBe(true);
  });

  test.each(["secret", "", "pass:word", "пароль 🔑", "x".repeat(1000)])(
    "is verified by its password alone: %s",
    async (password) => {
      const hash = parsePasswordHash(await hashPassword(password, CHEAP));
      expect(await verifyPassword(password, hash)).toBe(true);
      for (const wrong of [`${password} `, password.slice(1) || "a", password.toUpperCase() || "A"]) {
        expect(await verifyPassword(wrong, hash)).toBe(wrong === password);
      }
    },
  );

  test("takes a password composed or decomposed", async () => {
    const hash = parsePasswordHash(await hashPassword("e\u0301", CHEAP));
    expect(await verifyPassword("\u00e9", hash)).toBe(true);
  });

  test("has the vector of RFC 7914 section 12", async () => {
    const key =
      "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640";
    const hash = { cost: { ln: 10, r: 8, p: 16 }, salt: Buffer.from("NaCl"), key: Buffer.from(key, "hex") };
    expect(await verifyPassword("password", hash)).toBe(true);
  });

  test("that is impossible has no password", async () => {
    expect(await verifyPassword("", impossibleHash(CHEAP))).toBe(false);
  });

  const salt = "A".repeat(22);
  const key = "B".repeat(43);
  test.each([
    "",
    "secret",
    `$scrypt$ln=4,r=8,p=1$${salt}`,
    `$scrypt$ln=4,r=8,p=1$${salt}$${key}$`,
    `$scrypt$ln=4,r=8,p=1$${salt}$short`,
    `$scrypt$ln=19,r=8,p=1$${salt}$${key}`,
    `$scrypt$ln=0,r=8,p=1$${salt}$${key}`,
    `$scrypt$ln=15,r=99,p=1$${salt}$${key}`,
    `$scrypt$ln=15,r=8,p=0$${salt}$${key}`,
    `$argon2id$v=19$m=65536,t=3,p=4$${salt}$${key}`,
  ])("is refused when it cannot be checked safely: %s", (text) => {
    let error: unknown;
    try {
      parsePasswordHash(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(errorCode(error)).toBe("CONFIG_INVALID");
    expect(String(error)).not.toContain(key);
  });
});
