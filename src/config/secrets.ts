import { randomBytes, randomInt } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, errorCode } from "../base/errors.ts";
import type { Config } from "./settings.ts";

/** What the program must know and nobody else may: the owner's password and the key of the APIs. */
export interface Secrets {
  readonly password: string;
  readonly apiKey: string;
  /** Where the generated ones are kept. */
  readonly file: string;
  /** Those that come from the file, because the configuration leaves them empty. */
  readonly generated: readonly ("auth.password" | "apiKey")[];
  /** Whether the file was written just now. */
  readonly isNew: boolean;
}

interface Configured extends Pick<Config, "apiKey"> {
  readonly auth: Pick<Config["auth"], "user" | "password">;
}

const STORED = z.looseObject({ password: z.string().min(1).optional(), apiKey: z.string().min(1).optional() });
type Stored = z.infer<typeof STORED>;

/**
 * The configured secrets, and generated ones in place of those that are empty. Generates once, into `<dataDir>/secrets.json`
 * with mode 0600; throws ConfigError CONFIG_INVALID when that file cannot be read or written.
 */
export async function loadSecrets(dataDir: string, config: Configured): Promise<Secrets> {
  const found = await readSecrets(dataDir, config);
  const password = found.password || newPassword();
  const apiKey = found.apiKey || randomBytes(16).toString("hex");
  const isNew = password !== found.password || apiKey !== found.apiKey;
  if (isNew) {
    await write(dataDir, found.file, {
      ...(await readStored(found.file)),
      ...(config.auth.password === "" ? { password } : {}),
      ...(config.apiKey === "" ? { apiKey } : {}),
    });
  }
  return { ...found, password, apiKey, isNew };
}

/** The same for those who only look: generates nothing, and what is neither configured nor stored is empty. */
export async function readSecrets(dataDir: string, config: Configured): Promise<Secrets> {
  const file = join(dataDir, "secrets.json");
  const generated = missingFrom(config);
  const stored: Stored = generated.length === 0 ? {} : await readStored(file);
  const password = config.auth.password || (stored.password ?? "");
  return { password, apiKey: config.apiKey || (stored.apiKey ?? ""), file, generated, isNew: false };
}

function missingFrom(config: Configured): Secrets["generated"] {
  return [
    ...(config.auth.password === "" ? (["auth.password"] as const) : []),
    ...(config.apiKey === "" ? (["apiKey"] as const) : []),
  ];
}

async function readStored(file: string): Promise<Stored> {
  try {
    return STORED.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT") return {};
    // The parser's message would quote the file.
    throw code === undefined
      ? new ConfigError("CONFIG_INVALID", `${file} is not a file of secrets that newsreel wrote`, {
          hint: "restore it from a backup, or delete it to have new secrets generated",
        })
      : refused("read", file, error);
  }
}

/** Whole or not at all: a reader sees the old file or the new one. */
async function write(dataDir: string, file: string, secrets: Stored): Promise<void> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    await mkdir(dataDir, { recursive: true });
    {
      await using handle = await open(draft, "wx", 0o600);
      await handle.writeFile(`${JSON.stringify(secrets, undefined, 2)}\n`);
      await handle.sync();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw refused("write", file, error);
  }
}

function refused(verb: "read" | "write", file: string, cause: unknown): ConfigError {
  return new ConfigError("CONFIG_INVALID", `cannot ${verb} ${file} (${errorCode(cause) ?? "unknown error"})`, {
    hint: "give the user that newsreel runs as the data folder (chown), or name another with NEWSREEL_DATA_DIR",
    cause,
  });
}

/** Easy to copy from a screen: no letters that look alike. 20 of 56 characters are 116 bits. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

function newPassword(): string {
  return Array.from({ length: 20 }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}
