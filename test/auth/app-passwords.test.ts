import { describe, expect, test } from "@jest/globals";
import { AppPasswords, MAX_APP_PASSWORDS } from "../../src/auth/app-passwords.ts";
import { appSecretHash, newAppSecret } from "../../src/auth/app-secret.ts";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import type { Logger } from "../../src/base/logger.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { ManualClock } from "../manual-clock.ts";
import { memoryStore } from "./memory-store.ts";

function create(log: Logger = silentLogger) {
  const clock = new ManualClock();
  const store = memoryStore();
  const open = () => new AppPasswords({ store, owner: "admin", clock, log });
  const appPasswords = open();
  const authenticator = createAuthenticator({ users: [{ name: "admin", password: "secret" }], appPasswords, clock });
  const login = async (password: string, user = "admin") => {
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    const verdict = await authenticator.authenticate({ headers: { authorization } }, "1.1.1.1");
    return "user" in verdict ? verdict : verdict.status;
  };
  return { clock, store, open, appPasswords, authenticator, login };
}

function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe("a secret", () => {
  test("is 160 bits in groups that are easy to type, each letter as likely as the others", () => {
    const secrets = Array.from({ length: 2000 }, newAppSecret);
    expect(new Set(secrets).size).toBe(2000);
    expect(secrets.every((secret) => /^([a-z2-7]{4}-){7}[a-z2-7]{4}$/.test(secret))).toBe(true);
    const counts = new Map<string, number>();
    for (const letter of secrets.join("").replaceAll("-", "")) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    // 2000 of each are expected; one that is rarer than 1750 is five standard deviations away.
    expect(Math.min(...counts.values())).toBeGreaterThan(1750);
    expect(counts.size).toBe(32);
  });

  test("is the same in capitals, without hyphens or with blanks", () => {
    const secret = newAppSecret();
    const hash = appSecretHash(secret);
    for (const typed of [secret.toUpperCase(), secret.replaceAll("-", ""), secret.replaceAll("-", " ")]) {
      expect(appSecretHash(typed)).toBe(hash);
    }
    for (const other of ["", "secret", `${secret}a`, secret.slice(1), secret.replace(/./, "1"), "a-".repeat(99)]) {
      expect(appSecretHash(other)).toBeUndefined();
    }
  });
});

describe("an app password", () => {
  test("logs in with the owner's name, without a slow hash, and may only read unless it was made to write", async () => {
    const { appPasswords, authenticator, login } = create();
    const reading = appPasswords.add({ name: "TV", mayWrite: false });
    const writing = appPasswords.add({ name: "Radarr", mayWrite: true });
    const via = "app-password";
    const appPassword = reading.password.id;
    expect(await login(reading.secret)).toEqual({ user: "admin", mayWrite: false, via, appPassword });
    expect(await login(reading.secret.toUpperCase().replaceAll("-", ""))).toMatchObject({ via });
    expect(await login(writing.secret, "NAS\\admin")).toMatchObject({ user: "admin", mayWrite: true });
    expect(authenticator.passwordChecks).toBe(0);
  });

  test("is nobody else's, and nothing like it is right", async () => {
    const { appPasswords, authenticator, login } = create();
    const { secret } = appPasswords.add({ name: "TV", mayWrite: false });
    expect([await login(secret, "other"), await login(newAppSecret())]).toEqual([401, 401]);
    // A wrong one costs what a wrong password costs.
    expect(authenticator.passwordChecks).toBe(2);
  });

  test("is nowhere to be had once it was shown", () => {
    const { appPasswords, store } = create();
    const { secret } = appPasswords.add({ name: "TV", mayWrite: false });
    const letters = secret.replaceAll("-", "");
    for (const kept of [store.load(), appPasswords.list()]) {
      expect(JSON.stringify(kept)).not.toContain(secret);
      expect(JSON.stringify(kept)).not.toContain(letters);
    }
  });

  test("that is revoked is refused from the next request on, and the others go on", async () => {
    const { appPasswords, authenticator, login } = create();
    const [one, two] = ["TV", "phone"].map((name) => appPasswords.add({ name, mayWrite: false }));
    for (const made of [one, two]) expect(await login(made?.secret ?? "")).toMatchObject({ user: "admin" });
    expect(appPasswords.remove(one?.password.id ?? 0)?.name).toBe("TV");
    for (let retry = 0; retry < 20; retry += 1) expect(await login(one?.secret ?? "")).toBe(401);
    expect(authenticator.passwordChecks).toBe(1);
    expect(await login(two?.secret ?? "")).toMatchObject({ user: "admin" });
    expect(appPasswords.remove(one?.password.id ?? 0)).toBeUndefined();
  });

  test("is nobody's once its owner is gone", async () => {
    const { appPasswords, authenticator, login } = create();
    const { secret } = appPasswords.add({ name: "TV", mayWrite: false });
    expect(await login(secret)).toMatchObject({ user: "admin" });
    authenticator.removeUser("admin");
    expect(await login(secret)).toBe(401);
  });

  test("outlives the process", async () => {
    const { appPasswords, open } = create();
    const { secret, password } = appPasswords.add({ name: "TV", mayWrite: true });
    expect(open().find(secret)?.id).toBe(password.id);
    expect(open().list()).toEqual(appPasswords.list());
  });
});

describe("the last use", () => {
  test("is written once a minute, whatever happens in between", async () => {
    const { clock, store, appPasswords, login } = create();
    const { secret } = appPasswords.add({ name: "TV", mayWrite: false });
    expect(appPasswords.list()[0]?.lastUsedAt).toBeUndefined();
    const began = clock.wall();
    for (let second = 0; second < 121; second += 1) {
      for (let request = 0; request < 10; request += 1) await login(secret);
      clock.advance(1_000);
    }
    expect(store.notes.map((at) => at - began)).toEqual([0, 60_000, 120_000]);
    expect(appPasswords.list()[0]?.lastUsedAt).toBe(began + 120_000);
  });

  test("that cannot be written keeps nobody out", async () => {
    const warnings: string[] = [];
    const { store, appPasswords, login } = create({ ...silentLogger, warn: (_, text) => void warnings.push(text) });
    const { secret } = appPasswords.add({ name: "TV", mayWrite: false });
    store.noteUse = () => {
      throw Object.assign(new Error("disk full"), { code: "DISK_FULL" });
    };
    for (let request = 0; request < 10; request += 1) expect(await login(secret)).toMatchObject({ user: "admin" });
    expect(warnings).toEqual(["the use of an app password is not noted"]);
  });
});

describe("making one", () => {
  test.each(["", "  ", "a\nb", "a\u202eb", "x".repeat(65)])("refuses the name %j", (name) => {
    expect(codeOf(() => create().appPasswords.add({ name, mayWrite: false }))).toBe("BAD_REQUEST");
  });

  test("refuses a name that is taken, however it is written, until it is free again", () => {
    const { appPasswords } = create();
    const { password } = appPasswords.add({ name: " Zoë's TV ", mayWrite: false });
    expect(password.name).toBe("Zoë's TV");
    expect(codeOf(() => appPasswords.add({ name: "Zoe\u0308's TV", mayWrite: false }))).toBe("CONFLICT");
    appPasswords.remove(password.id);
    expect(appPasswords.add({ name: "Zoë's TV", mayWrite: false }).password.id).not.toBe(password.id);
  });

  test("is bounded", () => {
    const { appPasswords } = create();
    for (let made = 0; made < MAX_APP_PASSWORDS; made += 1) appPasswords.add({ name: `${made}`, mayWrite: false });
    expect(codeOf(() => appPasswords.add({ name: "one more", mayWrite: false }))).toBe("CONFLICT");
  });
});
