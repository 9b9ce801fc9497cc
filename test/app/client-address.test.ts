import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "@jest/globals";
import { clientAddress } from "../../src/client-address.ts";

const request = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { "x-forwarded-for": forwarded } }) as unknown as IncomingMessage;

describe("clientAddress", () => {
  test.each([
    ["nobody is trusted: the peer, whatever the header says", [], "203.0.113.9", "198.51.100.1", "203.0.113.9"],
    ["a trusted proxy: whom it names", ["127.0.0.1"], "127.0.0.1", "198.51.100.1", "198.51.100.1"],
    [
      "a chain of them: the last that is not trusted",
      ["10.0.0.0/8"],
      "10.0.0.1",
      "1.2.3.4, 198.51.100.1, 10.9.9.9",
      "198.51.100.1",
    ],
    [
      "what a client wrote before its proxy did is not believed",
      ["127.0.0.1"],
      "127.0.0.1",
      "6.6.6.6, 198.51.100.1",
      "198.51.100.1",
    ],
    ["rubbish in the header: the proxy itself", ["127.0.0.1"], "127.0.0.1", "<script>", "127.0.0.1"],
    ["no header: the proxy itself", ["127.0.0.1"], "127.0.0.1", undefined, "127.0.0.1"],
    ["IPv4 over an IPv6 socket", ["127.0.0.1"], "::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["IPv6", ["fd00::/8"], "fd00::1", "2001:db8::7", "2001:db8::7"],
  ] as const)("%s", (_claim, trusted, peer, forwarded, expected) => {
    expect(clientAddress(trusted)(request(peer, forwarded))).toBe(expected);
  });
});
