import { once } from "node:events";
import { startApp } from "../app.ts";
import { loadSecrets } from "../config/secrets.ts";
import { createLog } from "../log.ts";
import { defineCommand } from "./command.ts";
import { CONFIG_OPTION, configurationOf } from "./configuration.ts";
import { EXIT } from "./exit-code.ts";

export const serveCommand = defineCommand({
  name: "serve",
  summary: "run the server",
  usage: ["serve [--config file] [--host address] [--port n]"],
  about: "Runs until SIGTERM or SIGINT; then streams may finish for shutdownGraceMs, and imports go back to the queue.",
  options: {
    ...CONFIG_OPTION,
    host: { type: "string", value: "address", help: "address to listen on" },
    port: { type: "string", value: "n", help: "port to listen on; 0 takes a free one" },
  },
  positionals: [0, 0],
  async run(call) {
    const { host, port } = call.values;
    const config = configurationOf(call, {
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
    });
    const log = createLog({ level: config.log.level, stream: call.stdout });
    const secrets = await loadSecrets(config.dataDir, config);
    if (secrets.isNew) log.info({ file: secrets.file }, "login and API key were generated; they are in this file");
    await using app = await startApp({ config, secrets, log });
    log.info({ url: app.url }, "newsreel is ready");
    if (!call.signal.aborted) await once(call.signal, "abort");
    log.info({ graceMs: config.shutdownGraceMs }, "stopping");
    return EXIT.ok;
  },
});
