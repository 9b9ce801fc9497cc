import { expect, test } from "@jest/globals";
import { patternContent } from "../../src/newsserver/content.ts";
import { startNewsServer } from "../../src/newsserver/news-server.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { eventually, type JobAnswer, postNzb, provider, serve, serveVariables, tempDir } from "./product.ts";

const SECRETS = {
  provider: "provider-secret-7f3a",
  owner: "owner-secret-91cc",
  apiKey: "api-key-secret-c04e",
  archive: "archive-secret-5b2d",
};
const LOGIN = `tester:${SECRETS.owner}`;
/** As they stand, and as Basic credentials carry them (RFC 7617). */
const UNSPEAKABLE = [...Object.values(SECRETS), Buffer.from(LOGIN).toString("base64")];

const API_PATHS = [
  "/metrics",
  "/readyz",
  "/api/v1/imports",
  "/api/v1/library",
  "/api/v1/streams",
  "/api/v1/admission",
  "/api/v1/providers",
  "/api/v1/cache",
  "/api/v1/openapi.json",
  "/api/v1/nothing",
  "/",
];

test("no password and no key is ever written to the log, to an API answer or to the metrics", async () => {
  await using dir = await tempDir();
  // A server that repeats what it refuses.
  await using news = await startNewsServer({
    credentials: { username: "account", password: "another" },
    behaviour: { loginRefusal: `481 no such login: account ${SECRETS.provider}` },
  });
  const account = { username: "account", password: SECRETS.provider, timeoutMs: 2000 };
  await using product = await serve(
    serveVariables(dir.path, news, {
      NEWSREEL_PROVIDERS: JSON.stringify([provider(news, account)]),
      NEWSREEL_AUTH_PASSWORD: SECRETS.owner,
      NEWSREEL_API_KEY: SECRETS.apiKey,
      NEWSREEL_LOG_LEVEL: "debug",
    }),
    LOGIN,
  );
  const answers: string[] = [];
  const ask = async (path: string, options: Parameters<typeof product.request>[1] = {}) => {
    const { status, headers, body } = await product.request(path, options);
    answers.push(JSON.stringify(headers) + body.toString());
    return status;
  };
  const basic = (login: string) => ({ Authorization: `Basic ${Buffer.from(login).toString("base64")}` });

  const posted = news.store.addFile({ name: "film.mkv", content: patternContent(1, 300_000) });
  const nzb = toNzb([posted], { password: SECRETS.archive });
  const taken = await postNzb(product, nzb, `category=test&name=Film&password=${SECRETS.archive}`);
  answers.push(taken.body.toString());
  const { id } = JSON.parse(taken.body.toString()) as JobAnswer;
  await eventually("the refused login is known", async () => {
    const job = await product.json<{ readonly state: string; readonly reason: string | null }>(`/api/v1/imports/${id}`);
    return job.state === "waiting" ? job.reason : undefined;
  });
  expect(news.counters.loginsFailed).toBeGreaterThan(0);
  for (const path of [...API_PATHS, `/api/v1/imports/${id}`]) await ask(path);

  expect(await ask("/dav/library/", { method: "PROPFIND", headers: basic(`tester:x${SECRETS.owner}`) })).toBe(401);
  expect(await ask("/api/v1/cache", { headers: basic(`wrong:${SECRETS.owner}`) })).toBe(401);
  expect(await ask("/api/v1/cache", { headers: { Authorization: `Bearer ${SECRETS.owner}` } })).toBe(401);
  expect(await ask("/api/v1/cache", { headers: { ...basic("a:b"), "X-Api-Key": `${SECRETS.apiKey}x` } })).toBe(401);
  expect(await ask(`/api/v1/cache?apikey=${SECRETS.apiKey}x`, { headers: { Authorization: "" } })).toBe(401);
  expect(await ask(`/api/v1/cache?apikey=${SECRETS.apiKey}`, { headers: { Authorization: "" } })).toBe(200);
  expect(await ask(`/api/v1/nothing?apikey=${SECRETS.apiKey}`)).toBe(404);
  expect(await ask(`/dav/nothing?apikey=${SECRETS.apiKey}`)).toBe(404);
  const broken = { method: "POST", headers: { "Content-Type": "application/x-nzb" }, body: "<nzb>" };
  expect(await ask(`/api/v1/imports?password=${SECRETS.archive}&apikey=${SECRETS.apiKey}`, broken)).toBe(400);
  const named = { ...broken, method: "PUT", body: nzb };
  expect(await ask(`/dav/nzbs/movies/Other%7B%7B${SECRETS.archive}%7D%7D.nzb`, named)).toBe(201);
  for (const path of API_PATHS) await ask(path);

  product.kill("SIGTERM");
  expect(await product.ended).toEqual({ code: 0, signal: null });
  const said = answers.join("\n");
  for (const secret of UNSPEAKABLE) {
    expect({ secret, isLogged: product.output().includes(secret) }).toEqual({ secret, isLogged: false });
    expect({ secret, isTold: said.includes(secret) }).toEqual({ secret, isTold: false });
  }
}, 120_000);
