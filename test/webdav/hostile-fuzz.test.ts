import { describe, expect, test } from "@jest/globals";
import { seededRandom } from "../random.ts";
import { until } from "../until.ts";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { SMALL, statusOf } from "./hostile-fixture.ts";
import { fetchRaw, RawClient, requestText } from "./raw-client.ts";

/** Requests in each run; the same ones every time. */
const REQUESTS = 2_000;
const SEEDS = 20;
const AT_ONCE = 8;

const LOCKINFO =
  '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';
const UPDATE =
  '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:a xmlns:x="urn:x">b</x:a></D:prop></D:set></D:propertyupdate>';
const PROPFIND = '<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><x:a xmlns:x="urn:x"/></D:prop></D:propfind>';

/** Good requests of every method, as clients send them. */
const GOOD = [
  requestText("OPTIONS", "*"),
  requestText("GET", SMALL, { Range: "bytes=0-99", "If-Range": '"e-1000003"' }),
  requestText("GET", SMALL, { Range: "bytes=-5", "If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT" }),
  requestText("GET", `${SMALL}?format=strm`),
  requestText("GET", "/dav/movies/?format=m3u", { Accept: "text/html" }),
  requestText("GET", "http://h/dav/", { Accept: "text/html", "User-Agent": "\xe9" }),
  requestText("HEAD", "/dav/movies/huge.mkv", { "If-None-Match": 'W/"a", "b"' }),
  requestText("PROPFIND", "/dav/movies", { Depth: "1" }, PROPFIND),
  requestText("PROPFIND", "/dav/rw/sub/", { Depth: "0", "Content-Encoding": "identity" }, "<a/>"),
  requestText("PROPPATCH", "/dav/rw/old.txt", { If: "(Not <a:b>)" }, UPDATE),
  requestText("PUT", "/dav/rw/f", { "If-None-Match": "*", Expect: "100-continue" }, "hello"),
  `${requestText("PUT", "/dav/rw/g", { "Transfer-Encoding": "chunked" })}5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n`,
  requestText("MKCOL", "/dav/rw/c/"),
  requestText("COPY", "/dav/rw/old.txt", { Destination: "http://h/dav/rw/o%252Ft", Overwrite: "T" }),
  requestText("MOVE", "/dav/rw/sub/", { Destination: "/dav/rw/sub%C3%A9/", Depth: "infinity", Overwrite: "F" }),
  requestText("DELETE", "/dav/rw/g", { If: '</dav/rw/g> (<opaquelocktoken:a> ["e-1"]) (Not <a:b>)' }),
  requestText("LOCK", "/dav/rw/f", { Timeout: "Infinite, Second-4100000000", Depth: "0" }, LOCKINFO),
  requestText("UNLOCK", "/dav/rw/f", { "Lock-Token": "<urn:uuid:0>" }),
  requestText("POST", "/dav/", {}, "a=b"),
  requestText("TRACE", "/dav/"),
  requestText("REPORT", "/dav/", { Connection: "upgrade", Upgrade: "h2c" }),
];

/** What parsers trip over. */
const SPICE = [
  ..."\r\n \t\0:/?#%<>(),;=\"'\\[]\x7f\x80\xff".split(""),
  ..."%2e %2f %00 %C0%AE %ED%A0%80 %zz .. // \r\n\r\n ]]> &a; -1 99999999999999999999 W/ bytes= infinity <a:b>".split(
    " ",
  ),
  "Content-Length: 9\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Expect: 100-continue\r\n",
  "Connection: close\r\n",
  "Authorization: Basic Og==\r\n",
  "If: (<a>)(Not <b>)\r\n",
  "Range: bytes=0-,0-,0-\r\n",
  "Destination: http://evil.example/\r\n",
  "Host: \xff\r\n",
];

/** One good request with up to six things wrong. */
function mutated(random: () => number): string {
  const dice = (sides: number) => Math.floor(random() * sides);
  const pick = <T>(from: readonly T[]) => from[dice(from.length)] as T;
  let text = pick(GOOD);
  for (let flaws = dice(7); flaws > 0; flaws -= 1) {
    const at = dice(text.length + 1);
    const length = dice(2) === 0 ? 1 : dice(40);
    const [before, after, without] = [text.slice(0, at), text.slice(at), text.slice(at + length)];
    const lines = text.split("\r\n");
    text = pick([
      () => before,
      () => before + without,
      () => before + pick(SPICE) + after,
      () => before + pick(SPICE) + without,
      () => before + String.fromCharCode(dice(256)) + without,
      () => before + text.slice(at, at + length).repeat(1 + dice(200)) + without,
      () => before + pick(GOOD).slice(dice(60)),
      () => lines.toSpliced(dice(lines.length), 1).join("\r\n"),
      () => lines.toSpliced(dice(lines.length), 0, pick(lines)).join("\r\n"),
      () => lines.toSpliced(dice(lines.length), 0, pick(pick(GOOD).split("\r\n"))).join("\r\n"),
      () => text + pick(GOOD),
    ])();
  }
  return text;
}

/** Every status that comes back, until the server has nothing more to say. */
async function answersTo({ port }: DavServer, bytes: string): Promise<readonly number[]> {
  await using client = await RawClient.open(port);
  client.send(bytes);
  // A request that is not all there is over now.
  client.socket.end();
  const statuses: number[] = [];
  for (let status = await statusOf(client); status !== "closed"; status = await statusOf(client)) {
    statuses.push(status);
    // What follows is a body, perhaps one of 50 GiB.
    if (status !== 100) break;
  }
  return statuses;
}

/** A request for each status that came back. */
async function fuzz(server: DavServer, seed: number, requests: number): Promise<ReadonlyMap<number, string>> {
  const random = seededRandom(seed);
  const seen = new Map<number, string>();
  for (let done = 0; done < requests; done += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, requests - done) }, () => mutated(random));
    const answers = await Promise.all(batch.map((bytes) => answersTo(server, bytes)));
    for (const [index, statuses] of answers.entries()) {
      for (const status of statuses) seen.set(status, batch[index] as string);
    }
  }
  return seen;
}

/** An unknown method, and a Destination on another server, are the client's fault all the same. */
const FAULTS_OF_CLIENTS = new Set([501, 502]);

describe(`${REQUESTS} mutated requests`, () => {
  test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
    "never are an error of the server's (seed %d)",
    async (seed) => {
      await using server = await startDavServer({ limits: { smallBodyMs: 5, putIdleMs: 5, lingerMs: 5 } });
      const seen = await fuzz(server, seed, REQUESTS / SEEDS);
      expect([...seen].filter(([status]) => status >= 500 && !FAULTS_OF_CLIENTS.has(status))).toEqual([]);
      expect(server.errors).toEqual([]);
      // They reach beyond the parser, and what they leave behind is a server that answers.
      expect([...seen.keys()].some((status) => status < 300)).toBe(true);
      expect((await fetchRaw(server.port, "HEAD", SMALL)).status).toBe(200);
      await until(() => server.connections() === 0);
      expect(server.tree.counts.openReads).toBe(0);
    },
  );
});
