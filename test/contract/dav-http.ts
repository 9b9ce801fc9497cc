import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ByteRange } from "../../src/base/byte-range.ts";
import { fetchRaw, type Headers, type RawResponse } from "../webdav/raw-client.ts";

/**
 * A server to hold against the client contract. Below `base` it has `movies/huge.mkv` of 50 GiB, `movies/small.mkv` of 1,000,003 bytes,
 * `movies/` + ODD_NAME, `rw/` to write into with `old.txt` in it, and nothing else in the root but `empty/`.
 */
export interface DavFixture extends AsyncDisposable {
  readonly port: number;
  readonly base: string;
  readonly headers: Headers;
  readonly oddName: string;
  /** Content of huge.mkv and small.mkv. */
  readonly expected: (range: ByteRange) => Buffer;
}

const HUGE = 50 * 1024 ** 3;
const SMALL = 1_000_003;
const IMF_DATE = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const INFUSE_BODY =
  '<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/><iscollection/></prop></propfind>';
const FINDER_BODY =
  '<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:quota-available-bytes/><D:quota-used-bytes/><D:quota/></D:prop></D:propfind>';

/** What rclone, Kodi, Infuse, Finder, Windows and cadaver send, as far as a class 1 server has to answer it. */
export function describeDavHttp(name: string, open: () => Promise<DavFixture>): void {
  describe(`${name} keeps the client contract`, () => {
    let fixture: DavFixture;
    beforeAll(async () => {
      fixture = await open();
    });
    afterAll(async () => {
      await fixture[Symbol.asyncDispose]();
    });

    const ask = (method: string, path: string, headers: Headers = {}, body = ""): Promise<RawResponse> =>
      fetchRaw(fixture.port, method, `${fixture.base}${path}`, { ...fixture.headers, ...headers }, body);
    const propfind = async (path: string, depth: string, body = "", headers: Headers = {}) => {
      const { status, body: xml } = await ask("PROPFIND", path, { Depth: depth, ...headers }, body);
      return { status, xml: xml.toString("utf8"), responses: xml.toString("utf8").split("<D:response>").slice(1) };
    };

    test.each(["/", "/movies", "/movies/small.mkv", "/not/there"])(
      "all: OPTIONS %s names class and methods",
      async (path) => {
        const { status, headers } = await ask("OPTIONS", path);
        expect(status).toBe(200);
        expect(headers["dav"]).toMatch(/^1\b/);
        expect(headers["ms-author-via"]).toBe("DAV");
        expect(headers["allow"]).toContain("PROPFIND");
        expect(headers["content-length"]).toBe("0");
      },
    );

    test("all: OPTIONS * is answered", async () => {
      const { status, headers } = await fetchRaw(fixture.port, "OPTIONS", "*");
      expect([status, headers["dav"]?.[0]]).toEqual([200, "1"]);
    });

    test.each([
      ["no body", ""],
      ["allprop", '<propfind xmlns="DAV:"><allprop/></propfind>'],
      ["prop", '<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><D:nope/></D:prop></D:propfind>'],
      ["propname", '<propfind xmlns="DAV:"><propname/></propfind>'],
    ])("all: PROPFIND with %s puts what there is first", async (_, body) => {
      for (const depth of ["0", "1"]) {
        const { status, responses } = await propfind("/movies", depth, body);
        expect(status).toBe(207);
        expect(responses.length).toBe(depth === "0" ? 1 : 5);
        expect(responses[0]).toContain(`<D:href>${fixture.base}/movies/</D:href>`);
        const file = responses.at(-1) as string;
        if (depth === "1")
          expect(file).toMatch(/^<D:href>[^<]+<\/D:href><D:propstat><D:prop>.*?<\/D:prop><D:status>HTTP\/1.1 200 OK</);
      }
    });

    test("all: PROPFIND of nothing is 404, without end 403, of an unknown depth 400", async () => {
      expect((await propfind("/nothing", "1")).status).toBe(404);
      const infinite = await propfind("/movies", "infinity");
      expect(infinite.status).toBe(403);
      expect(infinite.xml).toContain("propfind-finite-depth");
      expect((await ask("PROPFIND", "/movies")).status).toBe(403);
      expect((await propfind("/movies", "2")).status).toBe(400);
    });

    test("all: properties have the forms that clients parse", async () => {
      const { responses } = await propfind("/movies/small.mkv", "0");
      const [file = ""] = responses;
      const value = (local: string) => new RegExp(`<D:${local}>([^<]*)</D:${local}>`).exec(file)?.[1];
      expect(value("displayname")).toBe("small.mkv");
      expect(value("getcontentlength")).toBe(String(SMALL));
      expect(value("getlastmodified")).toMatch(IMF_DATE);
      expect(value("creationdate")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(file).toContain("<D:resourcetype/>");
      expect(file).toMatch(/<D:supportedlock.*<D:lockdiscovery/);
      const { headers } = await ask("HEAD", "/movies/small.mkv");
      expect(value("getetag")?.replaceAll("&quot;", '"')).toBe(headers["etag"]);
      expect(headers["etag"]).toMatch(/^"[^"]+"$/);
      const root = (await propfind("/", "0")).responses[0] as string;
      expect(root).toMatch(/<D:displayname>[^<]+<\/D:displayname>/);
    });

    test("Kodi: collection is the first child of resourcetype", async () => {
      expect((await propfind("/movies", "0")).xml).toContain("<D:resourcetype><D:collection/></D:resourcetype>");
    });

    test("all: an odd name is escaped in its href, and found by it", async () => {
      const { responses } = await propfind("/movies", "1");
      const odd = responses.find((response) => response.includes("%E6%97%A5")) as string;
      const href = /<D:href>([^<]+)<\/D:href>/.exec(odd)?.[1] as string;
      expect(href).toMatch(/^[A-Za-z0-9._~/%-]+$/);
      expect(decodeURIComponent(href)).toBe(`${fixture.base}/movies/${fixture.oddName}`);
      expect((await propfind(href.slice(fixture.base.length), "0")).status).toBe(207);
      expect(odd).toContain("&lt;x&gt;");
    });

    test("rclone: a folder without slash, escaped letters and a decomposed name are found", async () => {
      expect((await propfind("/movies", "1")).responses.length).toBe(5);
      expect((await propfind("/movies/small%2Emkv", "0")).status).toBe(207);
      const decomposed = fixture.oddName.normalize("NFD");
      expect((await propfind(`/movies/${encodeURIComponent(decomposed)}`, "0")).status).toBe(207);
    });

    test("rclone: PUT is 201, 204, 409, 405 and 400", async () => {
      expect((await ask("PUT", "/rw/new.txt", {}, "hello")).status).toBe(201);
      expect((await ask("GET", "/rw/new.txt")).body.toString()).toBe("hello");
      expect((await ask("PUT", "/rw/new.txt", {}, "again")).status).toBe(204);
      expect((await ask("PUT", "/rw/none/new.txt", {}, "hello")).status).toBe(409);
      expect((await ask("PUT", "/rw", {}, "hello")).status).toBe(405);
      expect((await ask("PUT", "/rw/new.txt", { "Content-Range": "bytes 0-4/9" }, "hello")).status).toBe(400);
    });

    test.each([
      ["bytes=0-0", 0, 1],
      ["bytes=26843545600-26843611135", 26_843_545_600, 26_843_611_136],
      [`bytes=${HUGE - 10}-`, HUGE - 10, HUGE],
      ["bytes=-500", HUGE - 500, HUGE],
      [`bytes=${HUGE - 3}-99999999999999999999`, HUGE - 3, HUGE],
    ])("all players: %s is answered with exactly those bytes", async (range, start, end) => {
      const { status, headers, body } = await ask("GET", "/movies/huge.mkv", { Range: range });
      expect(status).toBe(206);
      expect(headers["content-range"]).toBe(`bytes ${start}-${end - 1}/${HUGE}`);
      expect(headers["content-length"]).toBe(String(end - start));
      expect(headers["transfer-encoding"]).toBeUndefined();
      expect(headers["content-encoding"]).toBeUndefined();
      expect(body.equals(fixture.expected({ start, end }))).toBe(true);
    });

    test.each([`bytes=${SMALL}-`, `bytes=${SMALL + 9}-${SMALL + 10}`, "bytes=-0", "bytes=99999999999999999999-"])(
      "all: %s lies outside and is 416",
      async (range) => {
        const { status, headers } = await ask("GET", "/movies/small.mkv", { Range: range });
        expect([status, headers["content-range"]]).toEqual([416, `bytes */${SMALL}`]);
      },
    );

    test.each(["bytes=abc", "bytes=5-2", "lines=0-1", "bytes", "bytes=1-2-3", "bytes=0-1,5-6", "bytes=--5"])(
      "all: %s is ignored",
      async (range) => {
        const { status, body } = await ask("GET", "/movies/small.mkv", { Range: range });
        expect(status).toBe(200);
        expect(body.equals(fixture.expected({ start: 0, end: SMALL }))).toBe(true);
      },
    );

    test("all: conditions are 206, 200, 304 and 412", async () => {
      const { etag = "" } = (await ask("HEAD", "/movies/small.mkv")).headers;
      const status = async (headers: Headers) => (await ask("GET", "/movies/small.mkv", headers)).status;
      expect(await status({ Range: "bytes=0-9", "If-Range": etag })).toBe(206);
      expect(await status({ Range: "bytes=0-9", "If-Range": '"other"' })).toBe(200);
      expect(await status({ Range: "bytes=0-9", "If-Range": `W/${etag}` })).toBe(200);
      expect(await status({ "If-None-Match": etag })).toBe(304);
      expect(await status({ "If-Match": '"other"' })).toBe(412);
    });

    test("Kodi, Windows: HEAD tells all about a file", async () => {
      const { status, headers } = await ask("HEAD", "/movies/small.mkv");
      expect(status).toBe(200);
      expect(headers).toMatchObject({ "content-length": String(SMALL), "accept-ranges": "bytes" });
      expect(headers["last-modified"]).toMatch(IMF_DATE);
      expect(headers["content-type"]).not.toContain("text/html");
    });

    test("all: GET of a collection is 405", async () => {
      const { status, headers } = await ask("GET", "/movies", { Accept: "*/*" });
      expect(status).toBe(405);
      expect(headers["allow"]).toContain("PROPFIND");
    });

    test("Infuse: iscollection is there for the asking, and nothing it asks for is missing", async () => {
      const { status, responses } = await propfind("/", "1", INFUSE_BODY);
      expect(status).toBe(207);
      for (const response of responses) expect(response).toContain("<D:iscollection>1</D:iscollection>");
      const file = (await propfind("/movies/small.mkv", "1", INFUSE_BODY)).xml;
      expect(file).toContain("<D:iscollection>0</D:iscollection>");
      expect(responses.join("") + file).not.toContain("404");
    });

    test("Finder: probes are not there, and quota is not reported to it", async () => {
      for (const probe of [
        "/._movies",
        "/.DS_Store",
        "/.Spotlight-V100",
        "/movies/.metadata_never_index",
        "/mach_kernel",
      ]) {
        expect((await propfind(probe, "0")).status).toBe(404);
      }
      const { status, xml } = await propfind("/", "0", FINDER_BODY, {
        "User-Agent": "WebDAVFS/3.0.0 (03008000) Darwin/24.4.0",
      });
      expect(status).toBe(207);
      expect(xml).not.toContain("200 OK");
    });

    test("Windows: allprop is lean for Explorer, and a folder needs no slash", async () => {
      const { status, responses } = await propfind("/movies", "1", "", {
        "User-Agent": "Microsoft-WebDAV-MiniRedir/10.0.19045",
      });
      expect(status).toBe(207);
      const locals = [...(responses[1] as string).matchAll(/<D:(\w+)/g)].map((match) => match[1]);
      expect(locals.filter((local) => /get|name|date|lock|type/.test(local as string))).toEqual([
        "displayname",
        "resourcetype",
        "getcontentlength",
        "getlastmodified",
        "creationdate",
      ]);
    });

    test("cadaver: a file's name with a slash after it is not there", async () => {
      expect((await propfind("/movies/small.mkv/", "0")).status).toBe(404);
    });

    test.each(["MKCOL", "DELETE", "COPY", "MOVE", "LOCK", "UNLOCK", "PROPPATCH", "POST"])(
      "all: %s is refused with what works instead, while it does not",
      async (method) => {
        const { status, headers } = await ask(method, "/movies/small.mkv");
        if (status !== 405) return expect(status).not.toBe(501);
        expect(headers["allow"]).toMatch(/GET, HEAD, PROPFIND/);
      },
    );
  });
}
