import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "@jest/globals";
import { clientAddress } from "../../src/client-address.ts";
import { clientOrigin } from "../../src/client-origin.ts";

interface Wish {
  readonly peer?: string;
  readonly isEncrypted?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly localAddress?: string;
}

function request({ peer = "127.0.0.1", isEncrypted = false, headers = {}, localAddress = "192.0.2.1" }: Wish) {
  const socket = { remoteAddress: peer, localAddress, localPort: 8119, ...(isEncrypted ? { encrypted: true } : {}) };
  return { socket, headers } as unknown as IncomingMessage;
}

const HOST = { host: "nas:8119" };
const TRUSTED = ["127.0.0.1", "10.0.0.0/8"];
const originOf = (wish: Wish, trusted: readonly string[] = TRUSTED) => clientOrigin(trusted).originOf(request(wish));

describe("the origin, without a trusted proxy,", () => {
  test.each<[string, Wish, string]>([
    ["is the Host header", { headers: HOST }, "http://nas:8119"],
    ["is https over TLS", { headers: HOST, isEncrypted: true }, "https://nas:8119"],
    ["leaves the scheme's port out", { headers: { host: "nas:80" } }, "http://nas"],
    ["leaves https's port out", { headers: { host: "nas:443" }, isEncrypted: true }, "https://nas"],
    ["keeps the other scheme's port", { headers: { host: "nas:443" } }, "http://nas:443"],
    ["leaves an empty port out", { headers: { host: "nas:" } }, "http://nas"],
    ["may be an IPv6 address", { headers: { host: "[fd00::1]:8119" } }, "http://[fd00::1]:8119"],
    ["may be one with a zone", { headers: { host: "[fe80::1%25eth0]" } }, "http://[fe80::1%25eth0]"],
    ["may have odd letters", { headers: { host: "my_nas.local" } }, "http://my_nas.local"],
    ["is where the request came to when there is no Host", {}, "http://192.0.2.1:8119"],
    ["is the same over IPv6", { localAddress: "fe80::1%eth0" }, "http://[fe80::1]:8119"],
    ["is the same over IPv4 in IPv6", { localAddress: "::ffff:192.0.2.1" }, "http://192.0.2.1:8119"],
  ])("%s", (_, wish, expected) => {
    expect(originOf(wish, [])).toBe(expected);
  });

  test.each([
    "",
    " ",
    "a b",
    "user:pass@nas",
    "nas/x",
    "nas?x",
    "nas#x",
    "a\\b",
    "[::1",
    "::1",
    'n"s',
    "<nas>",
    "n:a:s",
    "nas:x",
    "x".repeat(400),
  ])("is not %j, which cannot be one", (host) => {
    expect(originOf({ headers: { host } }, [])).toBe("http://192.0.2.1:8119");
  });

  test("is not what a client says that some proxy has said", () => {
    const headers = { ...HOST, "x-forwarded-host": "evil", "x-forwarded-proto": "https", forwarded: "host=evil" };
    expect(originOf({ headers }, [])).toBe("http://nas:8119");
    expect(originOf({ headers, peer: "203.0.113.9" })).toBe("http://nas:8119");
    expect(clientOrigin(TRUSTED).isSecure(request({ headers, peer: "203.0.113.9" }))).toBe(false);
  });
});

describe("the origin, behind a trusted proxy,", () => {
  test.each<[string, Readonly<Record<string, string>>, string]>([
    ["is what it says", { "x-forwarded-proto": "https", "x-forwarded-host": "nas.example" }, "https://nas.example"],
    ["has the Host that was passed on", { "x-forwarded-proto": "https", host: "nas.example" }, "https://nas.example"],
    ["may have a port", { "x-forwarded-proto": "https", "x-forwarded-host": "n:8443" }, "https://n:8443"],
    [
      "may have it told apart",
      { "x-forwarded-proto": "https", host: "n", "x-forwarded-port": "8443" },
      "https://n:8443",
    ],
    ["keeps the Host's own", { "x-forwarded-host": "n:81", "x-forwarded-port": "82" }, "http://n:81"],
    [
      "keeps it after brackets",
      { "x-forwarded-host": "[fd00::1]:81", "x-forwarded-port": "82" },
      "http://[fd00::1]:81",
    ],
    ["adds it after brackets", { "x-forwarded-host": "[fd00::1]", "x-forwarded-port": "82" }, "http://[fd00::1]:82"],
    [
      "has no port that the scheme implies",
      { "x-forwarded-proto": "https", host: "n", "x-forwarded-port": "443" },
      "https://n",
    ],
    ["has no inner port", { "x-forwarded-proto": "https", host: "n", "x-forwarded-port": "80" }, "https://n"],
    ["has no port that is none", { host: "n", "x-forwarded-port": "8x" }, "http://n"],
    ["is the Host where the proxy says rubbish", { "x-forwarded-host": "a b", host: "n" }, "http://n"],
    ["is http for an unknown scheme", { "x-forwarded-proto": "gopher", host: "n" }, "http://n"],
    ["is what Forwarded says", { forwarded: 'for=1.2.3.4;proto=https;host="n:8443"', host: "x" }, "https://n:8443"],
    [
      "believes X-Forwarded first",
      { forwarded: "proto=http;host=a", "x-forwarded-proto": "https", host: "n" },
      "https://n",
    ],
  ])("%s", (_, headers, expected) => {
    expect(originOf({ headers })).toBe(expected);
  });

  test("is what the outermost of several trusted ones was asked for", () => {
    const chain = { "x-forwarded-for": "203.0.113.9, 10.0.0.7", host: "inner" };
    const added = { ...chain, "x-forwarded-proto": "https, http", "x-forwarded-host": "nas.example, mid" };
    expect(originOf({ headers: added })).toBe("https://nas.example");
    expect(originOf({ headers: { ...chain, "x-forwarded-proto": "https" } })).toBe("https://inner");
    const forwarded = "for=203.0.113.9;proto=https;host=nas.example, for=10.0.0.7;proto=http;host=mid";
    expect(originOf({ headers: { forwarded, host: "inner" } })).toBe("https://nas.example");
  });

  test("is not what the client added before its proxy did", () => {
    const headers = { "x-forwarded-for": "6.6.6.6, 203.0.113.9", "x-forwarded-host": "evil, nas.example" };
    expect(originOf({ headers })).toBe("http://nas.example");
    const forwarded = 'for=6.6.6.6;host=evil;proto=https, for=203.0.113.9;host=nas.example;x="a,host=evil"';
    expect(originOf({ headers: { forwarded } })).toBe("http://nas.example");
  });
});

describe("whether a request is secure", () => {
  test("is told by the connection, or by a trusted proxy in its place", () => {
    const { isSecure } = clientOrigin(TRUSTED);
    expect(isSecure(request({}))).toBe(false);
    expect(isSecure(request({ isEncrypted: true }))).toBe(true);
    expect(isSecure(request({ headers: { "x-forwarded-proto": "HTTPS" } }))).toBe(true);
    expect(isSecure(request({ headers: { "x-forwarded-proto": "http" }, isEncrypted: true }))).toBe(false);
  });
});

describe("the address in Forwarded", () => {
  test.each([
    ["for=198.51.100.1", "198.51.100.1"],
    ['For="[2001:db8::7]:4711"', "2001:db8::7"],
    ["for=6.6.6.6, for=198.51.100.1;by=10.0.0.1", "198.51.100.1"],
    ['for="198.51.100.1:80", for=10.0.0.7', "198.51.100.1"],
    ["for=unknown", "127.0.0.1"],
    ["for=_hidden, for=10.0.0.7", "10.0.0.7"],
    ["", "127.0.0.1"],
    [';,="', "127.0.0.1"],
  ])("%s is %s", (forwarded, expected) => {
    expect(clientAddress(TRUSTED)(request({ headers: { forwarded } }))).toBe(expected);
  });

  test.each(['for="', ",", " ", "for=a;", 'a="\\'])("costs little when it is %j ten thousand times", (piece) => {
    expect(originOf({ headers: { ...HOST, forwarded: piece.repeat(10_000) } })).toBe("http://nas:8119");
  });
});
