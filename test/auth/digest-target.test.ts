import { describe, expect, test } from "@jest/globals";
import { isSameTarget } from "../../src/auth/digest-target.ts";

describe("the target of a Digest", () => {
  test.each([
    ["/dav/a", "/dav/a", ""],
    ["http://nas:8119/dav/a", "/dav/a", ""],
    ["/dav/a", "http://nas:8119/dav/a", ""],
    ["HTTPS://nas", "/", ""],
    ["/dav/a b", "/dav/a%20b", ""],
    ["/dav/%7eme/%C3%A9", "/dav/~me/%c3%a9", ""],
    ["/dav/\u00c3\u00a9", "/dav/%C3%A9", ""],
    ["/dav/small%2Emkv", "/dav/small.mkv", ""],
    ["/media/dav/a", "/dav/a", "/media"],
    ["/dav/a", "/media/dav/a", "/media"],
    ["/media", "/", "/media"],
    ["*", "*", ""],
    ["/dav/?a=%20", "/dav/?a=%20", ""],
  ])("%s means %s behind %j", (uri, url, urlBase) => {
    expect(isSameTarget(uri, url, urlBase)).toBe(true);
  });

  test.each([
    ["/dav/a", "/dav/b", ""],
    ["/dav/a", "/dav/a/", ""],
    ["/dav/a", "/dav/A", ""],
    ["/dav/a", "/dav//a", ""],
    ["/dav/a/b", "/dav/a%2Fb", ""],
    ["/dav/a%3Fb", "/dav/a?b", ""],
    ["/dav/a%2520b", "/dav/a%20b", ""],
    ["/dav/%C3%A9", "/dav/e%CC%81", ""],
    ["/dav/a", "/dav/a?x=1", ""],
    ["/dav/a?x=%31", "/dav/a?x=1", ""],
    ["/media/dav/a", "/dav/a", ""],
    ["/media/media/dav", "/dav", "/media"],
    ["/mediadav", "/dav", "/media"],
    ["http://nas/dav/a", "/dav/b", ""],
    ["ftp://nas/dav/a", "/dav/a", ""],
    ["", "/dav/a", ""],
    ["*", "/", ""],
  ])("%s does not mean %s behind %j", (uri, url, urlBase) => {
    expect(isSameTarget(uri, url, urlBase)).toBe(false);
  });
});
