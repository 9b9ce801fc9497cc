import { type Command, defineCommand } from "./command.ts";
import { CommandError } from "./exit-code.ts";
import { PROVIDER_SPEED_OPTIONS, providerSpeed } from "./provider-speed.ts";
import { type Probe, providerTest, realProbe } from "./provider-test.ts";

/** The provider subcommands, over a way to try one. */
export function providerCommand(probe: Probe = realProbe): Command {
  return defineCommand({
    name: "provider",
    summary: "try the configured news servers, or measure how fast they are",
    usage: ["provider test [name]", "provider speed [name] [--limit size] [--while-streaming]"],
    about: [
      "test connects to each configured provider, or to the named one, without a running server.",
      "speed has the server fetch articles of its library from each provider, or from the named one, and finds out how many connections are",
      "of use. It costs volume of the account: 1GiB at most unless --limit says otherwise. Ends with 3 when a provider cannot be used.",
    ].join("\n"),
    options: PROVIDER_SPEED_OPTIONS,
    positionals: [1, 2],
    async run(call) {
      const [verb, name] = call.positionals;
      if (verb === "test") return await providerTest(call, name, probe);
      if (verb === "speed") return await providerSpeed(call, name);
      throw new CommandError("USAGE", `provider has no subcommand ${JSON.stringify(verb)}`, {
        hint: "newsreel provider test, newsreel provider speed",
      });
    },
  });
}
