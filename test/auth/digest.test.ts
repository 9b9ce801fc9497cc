import { describe, expect, test } from "@jest/globals";
import {
  type DigestCredentials,
  digestChallenge,
  digestResponse,
  digestSecret,
  digestSubject,
  parseDigest,
  provesSecret,
} from "../../src/auth/digest.ts";

const RFC7616 = {
  users: ["Mufasa"],
  nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
  uri: "/dir/index.html",
  nc: "00000001",
  cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
};
const RFC2617 = { ...RFC7616, nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", cnonce: "0a4f113b" };
const [NEWER, OLDER] = ["http-auth@example.org", "testrealm@host.com"];

describe("the examples of the RFCs", () => {
  test.each([
    ["RFC 2617 section 3.5", "MD5", RFC2617, OLDER, "Circle Of Life", "6629fae49393a05397450978507c4ef1"],
    ["RFC 7616 section 3.9.1", "MD5", RFC7616, NEWER, "Circle of Life", "8ca523f5e9506fed4657c9700eebdbec"],
    [
      "RFC 7616 section 3.9.1",
      "SHA-256",
      RFC7616,
      NEWER,
      "Circle of Life",
      "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    ],
  ] as const)("%s with %s comes out as printed", (_, algorithm, sent, realm, password, response) => {
    const credentials: DigestCredentials = { ...sent, algorithm, response };
    const secret = digestSecret(algorithm, { user: "Mufasa", password, realm });
    const subject = digestSubject(algorithm, "GET", sent.uri);
    expect(digestResponse(credentials, secret, subject)).toBe(response);
    expect(provesSecret(credentials, secret, subject)).toBe(true);
    expect(provesSecret(credentials, secret, digestSubject(algorithm, "HEAD", sent.uri))).toBe(false);
    expect(provesSecret({ ...credentials, response: response.replace(/./, "0") }, secret, subject)).toBe(false);
  });
});

const RESPONSE = "6629fae49393a05397450978507c4ef1";
const GOOD = {
  username: '"zo\u00c3\u00ab"',
  realm: '"Newsreel"',
  nonce: '"abc"',
  uri: '"/dav/a,b;c d"',
  qop: "auth",
  nc: "0000000a",
  cnonce: '"x=\\"y,"',
  response: `"${RESPONSE}"`,
};
const headerOf = (parameters: Readonly<Record<string, string | undefined>>) =>
  `Digest ${Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ")}`;

describe("Digest credentials", () => {
  test("are read as they stand, bytes and all, MD5 unless they say so", () => {
    expect(parseDigest(headerOf({ ...GOOD, cnonce: '"x"' }))).toEqual({
      algorithm: "MD5",
      users: ["zo\u00c3\u00ab"],
      nonce: "abc",
      uri: "/dav/a,b;c d",
      nc: "0000000a",
      cnonce: "x",
      response: RESPONSE,
    });
    expect(parseDigest(headerOf({ ...GOOD, algorithm: "sha-256", response: `"${"A".repeat(64)}"` }))).toMatchObject({
      algorithm: "SHA-256",
      response: "a".repeat(64),
    });
    expect(parseDigest(headerOf(GOOD))?.cnonce).toBe('x="y,');
  });

  test.each([
    [
      "with blanks everywhere",
      headerOf({ ...GOOD, cnonce: '"x"' })
        .replaceAll("=", " = ")
        .replaceAll(", ", " ,\t "),
    ],
    ["without any", headerOf(GOOD).replaceAll(", ", ",")],
    ["with empty list elements", `digest ,, ${headerOf(GOOD).slice(7)}, ,`],
    ["with everything quoted", headerOf({ ...GOOD, qop: '"auth"', nc: '"0000000a"', algorithm: '"MD5"' })],
    ["in capitals", headerOf({ ...GOOD, QOP: "AUTH", qop: undefined }).replace("Digest", "DIGEST")],
    ["with parameters that nobody knows", headerOf({ ...GOOD, charset: "utf-8", auth_param: '"x"' })],
  ])("may be written %s", (_, header) => {
    expect(parseDigest(header)).toMatchObject({ nonce: "abc", response: RESPONSE });
  });

  test.each([
    ["Basic dTpw", "another scheme"],
    ["Digest", "nothing"],
    [headerOf({ ...GOOD, username: undefined }), "no name"],
    [headerOf({ ...GOOD, realm: '"elsewhere"' }), "another realm"],
    [headerOf({ ...GOOD, nonce: undefined }), "no nonce"],
    [headerOf({ ...GOOD, qop: undefined, nc: undefined, cnonce: undefined }), "RFC 2069's form"],
    [headerOf({ ...GOOD, qop: "auth-int" }), "auth-int"],
    [headerOf({ ...GOOD, algorithm: "MD5-sess" }), "another algorithm"],
    [headerOf({ ...GOOD, algorithm: "SHA-256" }), "a response of another algorithm"],
    [headerOf({ ...GOOD, userhash: "true" }), "a hashed name"],
    [headerOf({ ...GOOD, nc: "000000001" }), "a long count"],
    [headerOf({ ...GOOD, nc: "-1" }), "no count"],
    [headerOf({ ...GOOD, response: '"zz"' }), "no response"],
    [`${headerOf(GOOD)}, nonce="abc"`, "a parameter twice"],
    [`${headerOf(GOOD)}, x="`, "an open quote"],
    [`${headerOf(GOOD)} x=y`, "no comma"],
    [`Digest ${" ,".repeat(5000)}`, "too much"],
  ])("%#: %s is none (%s)", (header) => {
    expect(parseDigest(header)).toBeUndefined();
  });

  test("hold the name in every way it may have been hashed", () => {
    const users = (username: string) => parseDigest(headerOf({ ...GOOD, username }))?.users;
    expect(users('"NAS\\admin"')).toEqual(["NASadmin", "NAS\\admin"]);
    expect(users('"NAS\\\\admin"')).toEqual(["NAS\\admin", "NAS\\\\admin"]);
    expect(users("admin")).toEqual(["admin"]);
    const extended = { ...GOOD, username: undefined, "username*": "UTF-8''zo%C3%AB" };
    expect(parseDigest(headerOf(extended))?.users).toEqual(["zo\u00c3\u00ab"]);
    expect(parseDigest(headerOf({ ...extended, username: '"zo"' }))).toBeUndefined();
    expect(parseDigest(headerOf({ ...extended, "username*": "UTF-8''zo%C" }))).toBeUndefined();
  });
});

test("a challenge quotes what clients want quoted, and nothing else", () => {
  expect(digestChallenge("MD5", "n", "new")).toBe(
    'Digest realm="Newsreel", nonce="n", algorithm=MD5, qop="auth", opaque="6e657773", charset=UTF-8',
  );
  expect(digestChallenge("SHA-256", "n", "stale")).toMatch(/algorithm=SHA-256,.*, stale=true$/);
});
