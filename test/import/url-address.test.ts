import type { LookupAddress } from "node:dns";
import { describe, expect, test } from "@jest/globals";
import { allowedLookup, isPublicAddress, requireAllowedHost } from "../../src/import/url-address.ts";

describe("an address", () => {
  test.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.168.1.1",
    "198.19.255.255",
    "203.0.113.9",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:8.8.8.8",
    "::ffff:127.0.0.1",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2a00::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
  ])("%s is not of the public internet", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each([
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.167.1.1",
    "223.255.255.254",
    "2606:4700::1111",
    "2a00::1",
    "2003::1",
  ])("%s is", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

describe("the host of a URL", () => {
  test.each([
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.1:8080/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://169.254.169.254/latest/meta-data",
    "http://user:pw@10.0.0.1/",
    "http://１２７.0.0.1/",
  ])("is refused however a private address is written: %s", (url) => {
    expect(() => requireAllowedHost(new URL(url), { isAllowed: isPublicAddress })).toThrow(
      expect.objectContaining({ code: "URL_FORBIDDEN" }),
    );
  });

  test("is left to the look-up where it is a name", () => {
    expect(() => requireAllowedHost(new URL("http://localhost/"), { isAllowed: isPublicAddress })).not.toThrow();
  });
});

describe("the look-up", () => {
  const found = (all: readonly LookupAddress[], options: object) =>
    new Promise((resolve) => {
      const resolver = ((_name: string, _options: object, call: (error: null, all: readonly LookupAddress[]) => void) =>
        call(null, all)) as never;
      allowedLookup({ isAllowed: isPublicAddress, resolver })("name.example", options, (error, address, family) =>
        resolve(error === null ? [address, family] : error),
      );
    });
  const [own, outer] = [
    { address: "192.168.1.1", family: 4 },
    { address: "1.1.1.1", family: 4 },
  ] as const;

  test("hands on public addresses alone, one or all as asked", async () => {
    expect(await found([own, outer], {})).toEqual(["1.1.1.1", 4]);
    expect(await found([own, outer], { all: true })).toEqual([[outer], undefined]);
  });

  test("refuses a name that has none", async () => {
    expect(await found([own], { all: true })).toMatchObject({ code: "URL_FORBIDDEN" });
    expect(await found([], {})).toMatchObject({ code: "URL_FORBIDDEN" });
  });
});
