import { isIPv6 } from "node:net";
import type { LoadedConfig } from "../config/load-config.ts";
import { readSecrets } from "../config/secrets.ts";
import type { CommandIo } from "./command.ts";
import { CONFIG_OPTION, configurationOf } from "./configuration.ts";
import { CommandError } from "./exit-code.ts";

/** Which server a command talks to, and as whom; the URL ends in a slash and holds no login. */
export interface ServerAddress {
  readonly url: URL;
  readonly user: string;
  readonly password: string;
}

/** For a command that talks to a running server and whose --password means something else. */
export const LOGIN_OPTIONS = {
  url: { type: "string", value: "url", help: "the server; NEWSREEL_URL or the configured host and port unless given" },
  user: { type: "string", value: "name[:password]", help: "login; the configured one unless given" },
  ...CONFIG_OPTION,
} as const;

/** For every other command that talks to a running server. */
export const SERVER_OPTIONS = {
  ...LOGIN_OPTIONS,
  password: { type: "string", value: "text", help: "password; the configured or generated one unless given" },
} as const;

export interface ServerCall extends Pick<CommandIo, "env" | "cwd"> {
  readonly values: {
    readonly url?: string;
    readonly user?: string;
    readonly password?: string;
    readonly config?: string;
  };
}

/** The server's address and login out of flags, NEWSREEL_URL, and for what these leave open the configuration and secrets.json. */
export async function serverAddress(call: ServerCall): Promise<ServerAddress> {
  const given = givenUrl(call);
  const [, flagUser, flagPassword] = /^([^:]*)(?::(.*))?$/s.exec(call.values.user ?? "") ?? [];
  const user = flagUser || decodeURIComponent(given?.username ?? "");
  const password = call.values.password ?? flagPassword ?? decodeURIComponent(given?.password ?? "");
  if (given !== undefined && user !== "" && password !== "") return { url: withoutLogin(given), user, password };
  const config = configurationOf(call);
  return {
    url: given === undefined ? configuredUrl(config) : withoutLogin(given),
    user: user || config.auth.user,
    password: password || (await readSecrets(config.dataDir, config)).password,
  };
}

/** The same without a login, for what anybody may ask. */
export function anonymousAddress(call: ServerCall): ServerAddress {
  const given = givenUrl(call);
  return {
    url: given === undefined ? configuredUrl(configurationOf(call)) : withoutLogin(given),
    user: "",
    password: "",
  };
}

function givenUrl({ values, env }: ServerCall): URL | undefined {
  const text = values.url ?? (env["NEWSREEL_URL"] || undefined);
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new CommandError(
    "USAGE",
    `${values.url === undefined ? "NEWSREEL_URL" : "--url"} is not an http or https URL`,
    {
      hint: "it looks like http://127.0.0.1:8119",
    },
  );
}

function withoutLogin(given: URL): URL {
  return new URL(given.pathname.replace(/\/*$/, "/"), given.origin);
}

/** Who listens everywhere is asked at home. */
const HOME: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

function configuredUrl({ host, port, urlBase }: LoadedConfig): URL {
  if (port === 0) {
    throw new CommandError("USAGE", "the configured port is 0, so the server's port is not known", {
      hint: "name the server with --url",
    });
  }
  const name = HOME[host] ?? host;
  return new URL(`http://${isIPv6(name) ? `[${name}]` : name}:${port}${urlBase}/`);
}
