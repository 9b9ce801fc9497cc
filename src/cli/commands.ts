import type { CommandLoaders } from "./dispatch.ts";

/** Everything `newsreel` can be told to do, in the order of its help. Loaded when asked for: a health check opens no database. */
export const COMMANDS: CommandLoaders = {
  serve: async () => (await import("./serve.ts")).serveCommand,
  demo: async () => (await import("./demo.ts")).demoCommand,
  import: async () => (await import("./import.ts")).importCommand,
  queue: async () => (await import("./queue.ts")).queueCommand,
  history: async () => (await import("./history.ts")).historyCommand,
  ls: async () => (await import("./ls.ts")).lsCommand,
  stat: async () => (await import("./stat.ts")).statCommand,
  cat: async () => (await import("./cat.ts")).catCommand,
  trash: async () => (await import("./trash.ts")).trashCommand,
  verify: async () => (await import("./verify.ts")).verifyCommand,
  streams: async () => (await import("./streams.ts")).streamsCommand,
  provider: async () => (await import("./provider.ts")).providerCommand(),
  apppass: async () => (await import("./apppass.ts")).apppassCommand,
  config: async () => (await import("./config.ts")).configCommand,
  health: async () => (await import("./health.ts")).healthCommand,
  version: async () => (await import("./version.ts")).versionCommand,
};
