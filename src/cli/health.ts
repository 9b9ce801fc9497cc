import { z } from "zod";
import { errorMessage } from "../base/errors.ts";
import { type CommandCall, defineCommand } from "./command.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { printable, printJson, printLine } from "./output.ts";
import { anonymousAddress, SERVER_OPTIONS, serverAddress } from "./server-address.ts";
import { readText, send } from "./server-client.ts";

type Call = CommandCall<typeof SERVER_OPTIONS>;

/** Who does not answer a question without I/O for so long is not alive. */
const PATIENCE_MS = 5000;

export const healthCommand = defineCommand({
  name: "health",
  summary: "ask the server whether it is alive and ready",
  usage: ["health"],
  about: "Ends with 0 when it is ready, 3 when nobody answers, and 4 when it is alive but not ready.",
  options: SERVER_OPTIONS,
  positionals: [0, 0],
  async run(call) {
    const { exit, status, reason } = await healthOf(call);
    await (call.values.json ? printJson(call, { status, reason }) : printLine(call, printable(`${status}: ${reason}`)));
    return exit;
  },
});

interface Health {
  readonly status: "ready" | "unreachable" | "not ready";
  readonly reason: string;
  readonly exit: ExitCode;
}

async function healthOf(call: Call): Promise<Health> {
  const server = anonymousAddress(call);
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const signal = AbortSignal.any([call.signal, patience]);
  const ask = async (path: "healthz" | "readyz") => {
    const answer = await send(server, { method: "GET", path }, { signal });
    await readText(answer, 64 * 1024);
    return answer.status;
  };
  try {
    const alive = await ask("healthz");
    if (alive !== 200)
      return {
        status: "unreachable",
        reason: `something else answers at ${server.url} (${alive})`,
        exit: EXIT.unreachable,
      };
    const ready = await ask("readyz");
    if (ready === 200) return { status: "ready", reason: "everything it needs is there", exit: EXIT.ok };
    return { status: "not ready", reason: (await reasons(call, signal)) ?? `it answers ${ready}`, exit: EXIT.notReady };
  } catch (error) {
    if (call.signal.aborted) throw error;
    const reason = patience.aborted ? `no answer within ${PATIENCE_MS / 1000} s` : errorMessage(error);
    return { status: "unreachable", reason, exit: EXIT.unreachable };
  }
}

const CHECKS = z.object({ checks: z.record(z.string(), z.object({ ok: z.boolean(), words: z.string() })) });

/** Why it is not ready, which the server tells only to those with a login; undefined when we have none that it accepts. */
async function reasons(call: Call, signal: AbortSignal): Promise<string | undefined> {
  try {
    const answer = await send(await serverAddress(call), { method: "GET", path: "readyz" }, { signal });
    const { checks } = CHECKS.parse(JSON.parse(await readText(answer, 64 * 1024)));
    const failed = Object.values(checks).filter(({ ok }) => !ok);
    return failed.length === 0 ? undefined : failed.map(({ words }) => words).join("; ");
  } catch (error) {
    if (call.signal.aborted) throw error;
    return undefined;
  }
}
