import { PRIORITIES } from "../catalog/jobs.ts";
import { type CommandCall, defineCommand } from "./command.ts";
import { CommandError, EXIT, exitCodeFor } from "./exit-code.ts";
import { followImports } from "./import-follow.ts";
import { type ImportProgress, importProgress, NO_PROGRESS } from "./import-progress.ts";
import { submitNzbs } from "./import-submit.ts";
import { failureOf, type ImportView } from "./import-view.ts";
import { type NzbSource, nzbSources } from "./nzb-files.ts";
import { printable, printJson, printLine } from "./output.ts";
import { reportError } from "./report.ts";
import { LOGIN_OPTIONS, type ServerAddress, serverAddress } from "./server-address.ts";

const OPTIONS = {
  category: { type: "string", value: "name", help: "category, as movies or tv" },
  name: { type: "string", value: "name", help: "name of the release, for one NZB only; its file's name unless given" },
  password: { type: "string", value: "text", help: "password of the archives in it" },
  priority: { type: "string", value: "how", help: `${PRIORITIES.join(", ")}; the category's unless given` },
  paused: { type: "boolean", help: "they wait until somebody resumes them; prints their ids" },
  "no-wait": { type: "boolean", help: "only hand them over, and print the ids of the imports" },
  ...LOGIN_OPTIONS,
} as const;
type Call = CommandCall<typeof OPTIONS>;

export const importCommand = defineCommand({
  name: "import",
  summary: "import NZBs and print the paths of what they hold",
  usage: ["import <file.nzb|file.nzb.gz|file.zip>...", "import <folder>...", "import <url>...", "import - < file.nzb"],
  about:
    "Follows the imports until they are done; interrupted, they go on in the server, which also fetches what is given by its address.\n" +
    "Of a folder and its folders it takes .nzb, .nzb.gz and .nzb.zip.",
  options: OPTIONS,
  positionals: [1, 10_000],
  async run(call) {
    const sources = (await Promise.all(call.positionals.map((argument) => nzbSources(argument, call)))).flat();
    checkUsage(call, sources.length);
    const { password: _, ...login } = call.values;
    const server = await serverAddress({ ...call, values: login });
    const progress = call.values.json ? NO_PROGRESS : importProgress(call.stderr);
    try {
      const { ids, refused } = await handOver(call, { server, sources, progress });
      const failed =
        call.values["no-wait"] || call.values.paused
          ? await printIds(call, ids)
          : await followAll(call, { server, ids, progress });
      return refused + failed === 0 ? EXIT.ok : EXIT.failure;
    } finally {
      progress.end();
    }
  },
});

interface Doing {
  readonly server: ServerAddress;
  readonly progress: ImportProgress;
}

/** Hands over one source after the other, so that the queue has their order; tells of those that are refused, and counts them. */
async function handOver(call: Call, { server, sources, progress }: Doing & { readonly sources: readonly NzbSource[] }) {
  const ids = new Set<string>();
  let refused = 0;
  const refuse = (error: unknown) => {
    refused += 1;
    progress.end();
    reportError(call, error, { json: call.values.json === true });
  };
  for (const [done, source] of sources.entries()) {
    progress.handOver(done, sources.length);
    try {
      for (const taken of await submitNzbs(server, source, { wish: call.values, signal: call.signal })) {
        if (typeof taken === "string") ids.add(taken);
        else refuse(taken);
      }
    } catch (error) {
      // Without a server there is no point in the next one; a bad NZB says nothing about the others.
      if (call.signal.aborted || exitCodeFor(error) === EXIT.unreachable) throw error;
      refuse(error);
    }
  }
  return { ids: [...ids], refused };
}

async function printIds(call: Call, ids: readonly string[]): Promise<0> {
  for (const id of ids) await (call.values.json ? printJson(call, { id }) : printLine(call, id));
  return 0;
}

/** How many have not brought what they should. */
async function followAll(call: Call, { server, ids, progress }: Doing & { readonly ids: readonly string[] }) {
  const followed = await followImports(server, ids, { signal: call.signal, onLook: progress.show });
  progress.end();
  let failed = 0;
  for (const [id, view] of followed) {
    if (view?.state !== "completed") failed += 1;
    await printOutcome(call, id, view);
  }
  return failed;
}

function checkUsage({ values }: Call, sources: number): void {
  if (values.name !== undefined && sources > 1) {
    throw new CommandError("USAGE", `--name names one release, but there are ${sources} NZBs`);
  }
  if (values.priority !== undefined && !PRIORITIES.some((known) => known === values.priority)) {
    throw new CommandError("USAGE", `--priority takes ${PRIORITIES.join(", ")}`);
  }
}

/** The paths of what there is now, or what went wrong; as JSON, all of it either way. */
async function printOutcome(call: Call, id: string, view: ImportView | undefined): Promise<void> {
  const json = call.values.json === true;
  if (view === undefined) {
    reportError(call, new CommandError("SERVER_REFUSED", `import ${id} was removed before it was done`), { json });
  } else if (json) await printJson(call, view);
  else if (view.state !== "completed") reportError(call, failureOf(view), { json });
  else for (const { path } of view.files ?? []) await printLine(call, printable(path));
}
