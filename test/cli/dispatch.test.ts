import { PassThrough, Writable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import { raceAbort } from "../../src/base/abort.ts";
import { ProviderError, RequestError } from "../../src/base/errors.ts";
import { type Command, type CommandIo, defineCommand } from "../../src/cli/command.ts";
import { type CommandLoaders, dispatch } from "../../src/cli/dispatch.ts";
import { CommandError, EXIT } from "../../src/cli/exit-code.ts";
import { printLine } from "../../src/cli/output.ts";

function failing(error: unknown): Command {
  return { name: "fail", summary: "", run: () => Promise.reject(error) };
}

function worldOf(command: Command) {
  const written = { stdout: "", stderr: "" };
  const sink = (name: "stdout" | "stderr") =>
    new Writable({
      write(chunk, _, done) {
        written[name] += chunk;
        done();
      },
    });
  const interruption = new AbortController();
  const io: CommandIo = {
    env: {},
    cwd: "/",
    stdin: new PassThrough(),
    stdout: sink("stdout"),
    stderr: sink("stderr"),
    signal: interruption.signal,
  };
  const commands: CommandLoaders = { [command.name]: async () => command };
  return { io, written, interruption, run: (...args: string[]) => dispatch(args, { commands, io }) };
}

const echo = defineCommand({
  name: "echo",
  summary: "say it again",
  usage: ["echo [--loud] [--times <n>] <word>..."],
  options: {
    loud: { type: "boolean", short: "l", help: "in capitals" },
    times: { type: "string", value: "n", help: "how often" },
  },
  positionals: [1, 2],
  async run(call) {
    await printLine(call, JSON.stringify([call.values.loud, call.values.times, call.values.json, call.positionals]));
    return EXIT.ok;
  },
});

describe("a command line", () => {
  test.each<[readonly string[], unknown]>([
    [
      ["echo", "a"],
      [null, null, null, ["a"]],
    ],
    [
      ["echo", "-l", "a", "--times=3", "b"],
      [true, "3", null, ["a", "b"]],
    ],
    [
      ["echo", "--json", "--", "--loud"],
      [null, null, true, ["--loud"]],
    ],
    [
      ["echo", "--", "-h"],
      [null, null, null, ["-h"]],
    ],
  ])("%j is read as %j", async (args, expected) => {
    const { run, written } = worldOf(echo);
    expect(await run(...args)).toBe(0);
    expect(JSON.parse(written.stdout)).toEqual(expected);
  });

  test.each<[readonly string[], string]>([
    [[], "newsreel: what shall be done?\n"],
    [["ehco"], 'newsreel: there is no command "ehco"\n  did you mean echo?\n'],
    [["hlep"], "did you mean help?"],
    [["constructor"], 'there is no command "constructor"'],
    [["echo"], "newsreel: echo needs more arguments\n  usage: newsreel echo "],
    [["echo", "a", "b", "c"], 'echo does not take the argument "c"'],
    [["echo", "--lout", "a"], "unknown option '--lout'"],
    [["echo", "a", "--times"], "argument missing"],
    [["echo", "--loud=yes", "a"], "does not take an argument"],
  ])("%j is refused with exit code 2: %s", async (args, message) => {
    const { run, written } = worldOf(echo);
    expect(await run(...args)).toBe(EXIT.usage);
    expect(written.stderr).toContain(message);
    expect(written.stdout).toBe("");
  });

  test.each([["--help"], ["-h"], ["help"]])("%s lists the commands", async (arg) => {
    const { run, written } = worldOf(echo);
    expect(await run(arg)).toBe(0);
    expect(written.stdout).toMatch(/echo +say it again/);
  });

  test.each<readonly string[]>([
    ["echo", "--help"],
    ["echo", "-h", "--wrong"],
    ["help", "echo"],
  ])("%s %s tells of one", async (...args) => {
    const { run, written } = worldOf(echo);
    expect(await run(...args)).toBe(0);
    expect(written.stdout).toContain("Usage: newsreel echo");
    for (const option of ["-l, --loud", "--times <n>", "--json", "-h, --help"])
      expect(written.stdout).toContain(option);
  });
});

describe("a failure", () => {
  test.each<[string, Error, number]>([
    ["usage", new CommandError("USAGE", "m"), 2],
    ["a server that is away", new CommandError("SERVER_UNREACHABLE", "m"), 3],
    ["a provider that is away", new ProviderError("PROVIDER_UNREACHABLE", "m"), 3],
    ["what is not ready", new RequestError("NOT_READY", "m"), 4],
    ["a refusal", new CommandError("SERVER_REFUSED", "m"), 1],
    ["a system error", Object.assign(new Error("m"), { code: "EACCES" }), 1],
  ])("of %s ends with its exit code", async (_, error, code) => {
    expect(await worldOf(failing(error)).run("fail")).toBe(code);
  });

  test("is told as message and hint, without a stack", async () => {
    const { run, written } = worldOf(
      failing(new CommandError("SERVER_REFUSED", "it did not work", { hint: "try again" })),
    );
    await run("fail");
    expect(written.stderr).toBe("newsreel: it did not work\n  try again\n");
  });

  test("shows its stack when the log level is debug", async () => {
    const { io, written } = worldOf(echo);
    const commands = { fail: async () => failing(new Error("deep down")) };
    await dispatch(["fail"], { commands, io: { ...io, env: { NEWSREEL_LOG_LEVEL: "debug" } } });
    expect(written.stderr).toMatch(/^newsreel: deep down\n[\s\S]*\n {4}at /);
  });

  test("is JSON on standard error when JSON was asked for", async () => {
    const { run, written } = worldOf(failing(new CommandError("SERVER_REFUSED", "no", { hint: "h" })));
    expect(await run("fail", "--json")).toBe(1);
    expect(JSON.parse(written.stderr)).toEqual({ error: { code: "SERVER_REFUSED", message: "no", hint: "h" } });
  });
});

describe("the end of a command", () => {
  const waiting: Command = {
    name: "wait",
    summary: "",
    run: (_, { signal }) => raceAbort(new Promise<never>(() => {}), signal),
  };

  test("by a signal is silent and has its own exit code", async () => {
    const { run, written, interruption } = worldOf(waiting);
    const ended = run("wait");
    interruption.abort(new Error("stopped by SIGINT"));
    expect(await ended).toBe(EXIT.interrupted);
    expect(written.stderr).toBe("");
  });

  test("by a failure while it was told to stop is not taken for the signal", async () => {
    const broken: Command = {
      ...waiting,
      async run(_, { signal }) {
        await raceAbort(new Promise(() => {}), signal).catch(() => {});
        throw new Error("the disk is full");
      },
    };
    const { run, written, interruption } = worldOf(broken);
    const ended = run("wait");
    interruption.abort();
    expect(await ended).toBe(EXIT.failure);
    expect(written.stderr).toContain("the disk is full");
  });

  test.each<[string, number, string]>([
    ["EPIPE", 0, ""],
    ["ENOSPC", 1, "newsreel: write failed"],
  ])("by %s on standard output has exit code %d", async (code, exit, message) => {
    const { io, written } = worldOf(waiting);
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error("write failed"), { code })),
    });
    const endless: Command = {
      name: "endless",
      summary: "",
      async run(_, call) {
        for (;;) await printLine(call, "y".repeat(70_000));
      },
    };
    expect(await dispatch(["endless"], { commands: { endless: async () => endless }, io: { ...io, stdout } })).toBe(
      exit,
    );
    expect(written.stderr.startsWith(message)).toBe(true);
    expect(written.stderr === "").toBe(message === "");
    expect(stdout.listenerCount("error")).toBe(0);
  });
});
