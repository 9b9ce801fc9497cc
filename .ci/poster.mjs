/**
 * Posts files with nyuu, a poster and yEnc encoder that shares no code with this project, into the built-in news server, imports the
 * NZB that it wrote, and compares what the server then gives out with what was posted. Ends with 1 at any difference.
 * Usage: node .ci/poster.mjs <nyuu.js> <empty folder>
 */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startApp } from "../dist/app.js";
import { Closers } from "../dist/base/closers.js";
import { silentLogger } from "../dist/base/logger.js";
import { loadConfig } from "../dist/config/load-config.js";
import { startNewsServer } from "../dist/newsserver/news-server.js";

const [nyuu, folder] = process.argv.slice(2);
const LOGIN = { username: "poster", password: "open sesame" };
const FILES = { "film.mkv": 5 * 1024 * 1024 + 321, "Größe 2.nfo": 12_345 };
const AUTHORIZATION = `Basic ${Buffer.from("ci:secret").toString("base64")}`;

const pem = (name) => readFile(new URL(`../test/fixtures/tls/${name}.pem`, import.meta.url));
const tls = { key: await pem("key"), cert: await pem("cert") };
for (const name of Object.keys(FILES)) await writeFile(join(folder, name), randomBytes(FILES[name]));

for (const [how, options] of Object.entries({ plain: {}, TLS: { tls } })) {
  const closers = new Closers();
  try {
    await postAndReadBack(how, options, closers);
  } finally {
    await closers[Symbol.asyncDispose]();
  }
}

async function postAndReadBack(how, options, closers) {
  const news = closers.use(await startNewsServer({ ...options, credentials: LOGIN }));
  const nzb = join(folder, `${how}.nzb`);
  await post(news.port, nzb, options.tls !== undefined);
  console.log(`${how}: nyuu posted ${news.counters.commands.POST} articles`);

  const config = loadConfig({
    env: {},
    cwd: folder,
    overrides: {
      host: "127.0.0.1",
      port: 0,
      dataDir: join(folder, `data-${how}`),
      "auth.user": "ci",
      shutdownGraceMs: 0,
      providers: JSON.stringify([
        {
          name: "local",
          host: "127.0.0.1",
          port: news.port,
          tls: options.tls !== undefined,
          verifyTls: false,
          ...LOGIN,
        },
      ]),
    },
  });
  const secrets = { password: "secret", apiKey: "key" };
  const app = closers.use(await startApp({ config, secrets, log: silentLogger }));
  const posted = await call(app, "api/v1/imports?category=ci&name=nyuu", { method: "POST", body: await readFile(nzb) });
  const { files, state, error, reason } = await ended(app, (await posted.json()).id);
  if (state !== "completed") fail(`${how}: the import is ${state}: ${error ?? reason}`);
  if (files.length !== Object.keys(FILES).length) fail(`${how}: the import holds ${JSON.stringify(files)}`);
  for (const name of Object.keys(FILES)) {
    const file = files.find(({ path }) => path.endsWith(`/${name}`));
    if (file === undefined) fail(`${how}: ${name} is not in ${JSON.stringify(files)}`);
    const answer = await call(app, file.path.split("/").map(encodeURIComponent).join("/"), {});
    const [read, wanted] = [Buffer.from(await answer.arrayBuffer()), await readFile(join(folder, name))];
    if (sha256(read) !== sha256(wanted)) fail(`${how}: ${name} differs: ${read.length} of ${wanted.length} bytes read`);
    console.log(`${how}: ${name}, ${read.length} bytes, sha256 ${sha256(read)}: the same`);
  }
}

function post(port, nzb, isTls) {
  const login = ["-u", LOGIN.username, "-p", LOGIN.password, ...(isTls ? ["-S", "--ignore-cert"] : [])];
  const files = Object.keys(FILES).map((name) => join(folder, name));
  // Below the 192 KiB that nyuu writes at once: between the pieces of larger articles it sometimes dies of its own timers.
  const articleSize = "150K";
  const args = [
    nyuu,
    "-h",
    "127.0.0.1",
    "-P",
    String(port),
    ...login,
    "-n",
    "3",
    "-a",
    articleSize,
    "-q",
    "-o",
    nzb,
    ...files,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"], timeout: 30_000 });
    child.on("error", reject);
    child.on("close", (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`nyuu ended with ${code ?? signal}`)),
    );
  });
}

async function call(app, path, options) {
  const url = new URL(path.replace(/^\/+/, ""), `${app.url}/`);
  const headers = {
    authorization: AUTHORIZATION,
    ...(options.method === "POST" ? { "content-type": "application/x-nzb" } : {}),
  };
  const answer = await fetch(url, { ...options, headers, signal: AbortSignal.timeout(20_000) });
  if (!answer.ok) fail(`${url.pathname}: ${answer.status} ${await answer.text()}`);
  return answer;
}

async function ended(app, id) {
  for (let tries = 0; tries < 400; tries += 1) {
    const job = await (await call(app, `api/v1/imports/${id}`, {})).json();
    if (job.state === "completed" || job.state === "failed") return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return fail("the import did not end within 20 s");
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

function fail(message) {
  throw new Error(message);
}
