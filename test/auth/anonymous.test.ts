import { describe, expect, test } from "@jest/globals";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { ManualClock } from "../manual-clock.ts";
import { challengesOf } from "./digest-client.ts";

function create(anonymous: "none" | "read") {
  const clock = new ManualClock();
  return createAuthenticator({ users: [{ name: "admin", password: "secret" }], apiKey: "key", anonymous, clock });
}

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });

describe("a guest", () => {
  test.each(["GET", "HEAD", "OPTIONS", "PROPFIND"])("may %s, and nothing more than read", async (method) => {
    const guest = await create("read").admit({ method, headers: {} }, "a");
    expect(guest).toEqual({ user: "", mayWrite: false, via: "anonymous" });
  });

  test.each(["PUT", "DELETE", "MKCOL", "MOVE", "COPY", "LOCK", "UNLOCK", "PROPPATCH", "POST", "FOO"])(
    "is asked for a login when it wants to %s",
    async (method) => {
      const refused = await create("read").admit({ method, headers: {} }, "a");
      expect(refused).toMatchObject({ status: 401 });
      expect(challengesOf(refused)).toHaveLength(2);
    },
  );

  test("with credentials is who they say, or nobody", async () => {
    const authenticator = create("read");
    const admit = (headers: Record<string, string>) => authenticator.admit({ method: "GET", headers }, "a");
    expect(await admit(basic("admin:secret"))).toMatchObject({ user: "admin", mayWrite: true });
    expect(await admit({ "x-api-key": "key" })).toMatchObject({ user: "api" });
    for (const wrong of [basic("admin:x"), basic(":"), { authorization: "" }, { "x-api-key": "x" }]) {
      expect(await admit(wrong)).toMatchObject({ status: 401 });
    }
  });

  test("is unknown where guests are not admitted, and where a login is asked for in any case", async () => {
    expect(await create("none").admit({ method: "GET", headers: {} }, "a")).toMatchObject({ status: 401 });
    expect(await create("read").authenticate({ method: "GET", headers: {} }, "a")).toMatchObject({ status: 401 });
  });
});
