import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Script } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openApiDocument } from "../../src/api/openapi.ts";
import { createPageHandler } from "../../src/ui/page.ts";
import { pageCss } from "../../src/ui/page-css.ts";
import { pageHtml } from "../../src/ui/page-html.ts";
import { pageScript } from "../../src/ui/page-script.ts";

const PATHS = ["/", "/ui/page.css", "/ui/page.js", "/ui/icon.svg"];
const handle = createPageHandler();
const server = createServer((req, res) => {
  if (!handle(req, res)) res.writeHead(418).end();
});
let origin = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe("the page", () => {
  test.each([
    ["/", "text/html"],
    ["/?x=1", "text/html"],
    ["/ui/page.css", "text/css"],
    ["/ui/page.js", "text/javascript"],
    ["/ui/icon.svg", "image/svg+xml"],
  ])("serves %s as %s", async (path, type) => {
    const response = await fetch(origin + path);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, `${type}; charset=utf-8`]);
    expect((await response.arrayBuffer()).byteLength).toBe(Number(response.headers.get("content-length")));
  });

  test("allows nothing from elsewhere, nothing inline, and no frame around it", async () => {
    const policy = (await fetch(`${origin}/`)).headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*|data:/);
    expect(pageHtml).not.toMatch(/<style|<script>|\sstyle=|\son\w+=|https?:\/\//);
    expect(pageCss).not.toMatch(/url\(|@import/);
    expect(pageScript).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|https?:\/\//,
    );
  });

  test("names everything relative to itself, so that it works under any base path", () => {
    const names = [...pageHtml.matchAll(/(?:href|src)="([^"]*)"/g)].map((match) => match[1] as string);
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => name.startsWith("/"))).toEqual([]);
  });

  test("names no file of its own that is not served", async () => {
    const names = [...pageHtml.matchAll(/(?:href|src)="(ui\/[^"]*)"/g)].map((match) => `/${match[1]}`);
    expect([...new Set(names)].sort()).toEqual(PATHS.slice(1).sort());
  });

  test("weighs less than 30 KB in all", async () => {
    const sizes = await Promise.all(
      PATHS.map(async (path) => (await (await fetch(origin + path)).arrayBuffer()).byteLength),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(30_000);
  });

  test("is not sent again to a browser that has it", async () => {
    const etag = (await fetch(`${origin}/ui/page.js`)).headers.get("etag") ?? "";
    const again = await fetch(`${origin}/ui/page.js`, { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const head = await fetch(`${origin}/ui/page.js`, { method: "HEAD" });
    expect([head.status, head.headers.get("etag"), await head.text()]).toEqual([200, etag, ""]);
  });

  test("leaves other paths and methods to others", async () => {
    for (const path of ["/dav/", "/ui/", "/ui/page.ts", "//", "/index.html", "/ui/../ui/page.jsx"]) {
      expect((await fetch(origin + path)).status).toBe(418);
    }
    for (const method of ["POST", "OPTIONS", "DELETE"]) {
      expect((await fetch(`${origin}/`, { method })).status).toBe(418);
    }
  });
});

describe("the page's script", () => {
  test("is a script that browsers can read", () => {
    expect(() => new Script(pageScript)).not.toThrow();
  });

  test("looks up only what the page has", () => {
    const wanted = [...pageScript.matchAll(/(?:byId|draw)\("([\w-]+)"/g)].map((match) => match[1] as string);
    const there = [...pageHtml.matchAll(/ id="([\w-]+)"/g)].map((match) => match[1] as string);
    expect(new Set(wanted).size).toBeGreaterThan(10);
    expect(wanted.filter((id) => !there.includes(id))).toEqual([]);
  });

  test("asks only for calls that the API has", () => {
    const known = Object.keys(openApiDocument("0").paths);
    const plain = [...pageScript.matchAll(/(?:look|call)\("([a-z]+)/g)].map((match) => match[1] as string);
    const lists = [...pageScript.matchAll(/\[([^\]]*)\]\.map\(look\)/g)].flatMap((match) =>
      [...(match[1] as string).matchAll(/"([a-z]+)/g)].map((inner) => inner[1] as string),
    );
    const asked = new Set([...plain, ...lists]);
    expect([...asked].sort()).toEqual(["admission", "cache", "imports", "library", "providers", "streams"]);
    expect([...asked].filter((name) => !known.includes(`/api/v1/${name}`))).toEqual([]);
  });
});
