import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { type CommandCall, defineCommand } from "./command.ts";
import { CommandError, EXIT, exitCodeFor } from "./exit-code.ts";
import { type NzbFile, nzbFiles } from "./nzb-files.ts";
import { printable, printJson, printLine } from "./output.ts";
import { reportError } from "./report.ts";
import { LOGIN_OPTIONS, type ServerAddress, serverAddress } from "./server-address.ts";
import { expectStatus, readJson, send } from "./server-client.ts";

const OPTIONS = {
  category: { type: "string", value: "name", help: "category, as movies or tv" },
  name: { type: "string", value: "name", help: "name of the release, for one NZB only; its file's name unless given" },
  password: { type: "string", value: "text", help: "password of the archives in it" },
  "no-wait": { type: "boolean", help: "only hand them over, and print the ids of the imports" },
  ...LOGIN_OPTIONS,
} as const;
type Call = CommandCall<typeof OPTIONS>;

export const importCommand = defineCommand({
  name: "import",
  summary: "import NZB files and print the paths of what they hold",
  usage: ["import <file.nzb>...", "import <folder>...", "import - < file.nzb"],
  about: "Follows each import until it is done; interrupted, it goes on in the server.",
  options: OPTIONS,
  positionals: [1, 10_000],
  async run(call) {
    const files = (await Promise.all(call.positionals.map((argument) => nzbFiles(argument, call)))).flat();
    if (call.values.name !== undefined && files.length > 1) {
      throw new CommandError("USAGE", `--name names one release, but there are ${files.length} NZBs`);
    }
    const { password: _, ...login } = call.values;
    const server = await serverAddress({ ...call, values: login });
    let failures = 0;
    const ids: string[] = [];
    for (const file of files) {
      try {
        ids.push(await upload(call, server, file));
      } catch (error) {
        // Without a server there is no point in the next one; a bad NZB says nothing about the others.
        if (call.signal.aborted || exitCodeFor(error) === EXIT.unreachable) throw error;
        failures += 1;
        reportError(call, error, { json: call.values.json === true });
      }
    }
    for (const id of ids) {
      const isGood = call.values["no-wait"]
        ? await printId(call, id)
        : await report(call, await follow(call, server, id));
      if (!isGood) failures += 1;
    }
    return failures === 0 ? EXIT.ok : EXIT.failure;
  },
});

const ACCEPTED = z.object({ id: z.string() });

/** Hands over one NZB; the import's id, also when the server has it already. */
async function upload(call: Call, server: ServerAddress, file: NzbFile): Promise<string> {
  const body = file.open();
  // Opened before the request: a file that cannot be read is not the server's fault.
  if ("pending" in body && body.pending === true) await once(body, "ready", { signal: call.signal });
  const headers = {
    "content-type": "application/x-nzb",
    ...(file.size === undefined ? {} : { "content-length": file.size }),
  };
  const request = { method: "POST", path: `api/v1/imports?${query(call, file)}`, headers, body };
  const answer = await send(server, request, call);
  const accepted = ACCEPTED.safeParse(await readJson(await expectStatus(answer, file.label, 200, 201, 202)));
  if (!accepted.success) throw new CommandError("SERVER_ANSWER", `${file.label}: the server's answer names no import`);
  return accepted.data.id;
}

function query({ values }: Call, file: NzbFile): URLSearchParams {
  const { category } = values;
  // Indexers and download tools write `name{{password}}.nzb`.
  const [, plainName, namePassword] = /^(.+?)\{\{(.+)\}\}$/.exec(file.name ?? "") ?? [];
  const name = values.name ?? plainName ?? file.name;
  const password = values.password ?? namePassword;
  return new URLSearchParams({
    ...(category === undefined ? {} : { category }),
    ...(name === undefined ? {} : { name }),
    ...(password === undefined ? {} : { password }),
  });
}

const maybe = <T extends z.ZodType>(type: T) => type.nullish();
const JOB = z.object({
  id: z.string(),
  state: z.string(),
  name: maybe(z.string()),
  progress: maybe(z.number()),
  reason: maybe(z.string()),
  error: maybe(z.string()),
  hint: maybe(z.string()),
  files: maybe(z.array(z.looseObject({ path: z.string(), size: z.number() }))),
});
/** What the API tells of an import; `raw` is all of it. */
type JobView = z.infer<typeof JOB> & { readonly raw: unknown };

const ENDS = new Set(["completed", "failed", "cancelled"]);

/** Asks again and again until the import has ended, and tells of each change on standard error. */
async function follow(call: Call, server: ServerAddress, id: string): Promise<JobView> {
  let told = "";
  for (let pauseMs = 100; ; pauseMs = Math.min(1000, pauseMs * 2)) {
    const job = await ask(call, server, id);
    if (ENDS.has(job.state)) return job;
    const news = printable(`${job.name ?? id}: ${job.state}${job.reason ? `, ${job.reason}` : ""}`);
    if (news !== told && !call.values.json) call.stderr.write(`${news}\n`);
    told = news;
    await wait(pauseMs, undefined, { signal: call.signal });
  }
}

async function ask(call: Call, server: ServerAddress, id: string): Promise<JobView> {
  const request = { method: "GET", path: `api/v1/imports/${encodeURIComponent(id)}` };
  const raw = await readJson(await expectStatus(await send(server, request, call), `import ${id}`, 200));
  const job = JOB.safeParse(raw);
  if (!job.success) throw new CommandError("SERVER_ANSWER", `import ${id}: the server's answer is no import`);
  return { ...job.data, raw };
}

async function printId(call: Call, id: string): Promise<true> {
  await (call.values.json ? printJson(call, { id }) : printLine(call, id));
  return true;
}

/** Prints how an import ended; whether it ended well. */
async function report(call: Call, job: JobView): Promise<boolean> {
  const isGood = job.state === "completed";
  if (call.values.json) await printJson(call, job.raw);
  else if (isGood) for (const { path } of job.files ?? []) await printLine(call, printable(path));
  else reportError(call, failure(job), { json: false });
  return isGood;
}

function failure({ id, name, state, error, reason, hint }: JobView): CommandError {
  const why = error ?? reason ?? (state === "cancelled" ? "it was cancelled" : "the server does not say why");
  const message = printable(`import of ${name ?? id} failed: ${why}`);
  return new CommandError("SERVER_REFUSED", message, hint ? { hint: printable(hint) } : {});
}
