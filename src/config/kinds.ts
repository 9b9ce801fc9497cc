import { BlockList, isIP } from "node:net";
import { z } from "zod";
import { BYTE_SIZE, formatByteSize, parseByteSize } from "./byte-size.ts";

/** What values a setting takes: how they are checked, described to a person, and read from a line of text. */
export interface Kind<T> {
  /** Checks what a file gives and turns it into the value the program uses. */
  readonly schema: z.ZodType<T>;
  /** Completes "expected ..."; also the type column of the README. */
  readonly expects: string;
  /** What the text of a variable or flag would have been in a file; throws when it has no such form. */
  fromText(text: string): unknown;
  /** For a person; never called for a secret. */
  show(value: T): string;
  /** Relative paths start from the working directory. */
  readonly isPath: boolean;
}

function kind<T>(schema: z.ZodType<T>, expects: string, more: Partial<Kind<T>> = {}): Kind<T> {
  return { schema, expects, fromText: (text) => text, show: (value) => String(value), isPath: false, ...more };
}

/** Control characters end lines of protocols and logs. */
const ONE_LINE = /^[^\p{Cc}]*$/u;

/** One line of text; `most` is in UTF-16 units. */
export function text(most = 1024): Kind<string> {
  return kind(z.string().max(most).regex(ONE_LINE), "one line of text (in quotes when it could be a number)");
}

/** One line of text of a certain form. */
export function textLike(pattern: RegExp, expects: string): Kind<string> {
  return kind(z.string().max(1024).regex(ONE_LINE).regex(pattern), expects);
}

/** A path in the file system. */
export function path(): Kind<string> {
  return kind(z.string().min(1).max(4096).regex(ONE_LINE), "a path", { isPath: true });
}

/** The same, or empty for none. */
export function pathOrNone(): Kind<string> {
  return { ...path(), schema: z.union([z.literal(""), path().schema]) };
}

export function whole(least: number, most: number): Kind<number> {
  const expects = `a whole number from ${least} to ${most}`;
  return kind(z.number().int().min(least).max(most), expects, { fromText: numberFromText });
}

/** Milliseconds; timers take no more than 24 days. */
export function millis(least: number): Kind<number> {
  return kind(z.number().int().min(least).max(2_000_000_000), `milliseconds, ${least} or more`, {
    fromText: numberFromText,
  });
}

/** Bytes, plain or with a unit. */
export function size(least: number): Kind<number> {
  const schema = z
    .union([z.number(), z.string().regex(BYTE_SIZE).transform(parseByteSize)])
    .pipe(z.number().int().min(least).max(Number.MAX_SAFE_INTEGER));
  const lower = least === 0 ? "" : `, ${formatByteSize(least)} or more`;
  return kind(schema, `a size such as 64KiB, 128MiB, 20GiB or plain bytes${lower}`, { show: formatByteSize });
}

export function yesNo(): Kind<boolean> {
  return kind(z.boolean(), "true or false", { fromText: booleanFromText });
}

export function oneOf<const Choice extends string>(...choices: readonly [Choice, ...Choice[]]): Kind<Choice> {
  return kind(z.enum(choices) as z.ZodType<Choice>, choices.join(" or "));
}

/** Commands under way on one connection. */
export function pipelineDepth(): Kind<"auto" | number> {
  return kind(z.union([z.literal("auto"), z.number().int().min(1).max(16)]), "auto or a whole number from 1 to 16");
}

/** A host without scheme, port, brackets or login. */
export function hostName(): Kind<string> {
  const schema = z
    .string()
    .max(253)
    .refine((host) => isIP(host) !== 0 || /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?$/i.test(host));
  return kind(schema, "a host name or address, without scheme or port");
}

/** The path under which a reverse proxy shows the server: empty, or `/one/two` without a slash at its end. */
export function urlPrefix(): Kind<string> {
  const schema = z
    .string()
    .max(256)
    .regex(/^\/?([A-Za-z0-9_~-][A-Za-z0-9._~-]*(\/|$))*$/)
    .transform((given) => given.replace(/\/$/, "").replace(/^(?=[^/])/, "/"));
  return kind(schema, "empty or a path such as /newsreel");
}

/** The address of a web service, without a query. */
export function httpUrl(): Kind<string> {
  const schema = z
    .string()
    .max(2048)
    .refine((given) => /^https?:$/.test(urlOf(given)?.protocol ?? "") && !/[?#]/.test(given))
    .transform((given) => given.replace(/\/+$/, ""));
  return kind(schema, "an address such as http://nas:8989");
}

/** The same, or empty for none. */
export function httpUrlOrNone(): Kind<string> {
  return { ...httpUrl(), schema: z.union([z.literal(""), httpUrl().schema]) };
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** An absolute path on another machine, `/x` or `C:\x`, without a slash at its end. */
export function rootedPath(): Kind<string> {
  const schema = z
    .string()
    .max(4096)
    .regex(ONE_LINE)
    .regex(/^(?:\/|[A-Za-z]:[\\/]|\\\\)/)
    .transform((given) => given.replace(/(?<=.)[\\/]+$/, ""));
  return kind(schema, "an absolute path such as /mnt/newsreel");
}

/** The same, or empty for none. */
export function rootedPathOrNone(): Kind<string> {
  return { ...rootedPath(), schema: z.union([z.literal(""), rootedPath().schema]) };
}

/** IP addresses and CIDR blocks. */
export function addressBlocks(): Kind<readonly string[]> {
  return list(z.string().max(64).refine(isAddressBlock), "a list of addresses or blocks such as 10.0.0.0/8", /[,\s]+/);
}

function isAddressBlock(block: string): boolean {
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(block) ?? [];
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  try {
    new BlockList().addSubnet(address, Number(bits ?? 0), family);
    return true;
  } catch {
    return false;
  }
}

/** Any lines of text, so that none of them needs quoting. */
export function lines(): Kind<readonly string[]> {
  return list(z.string().min(1).max(1024).regex(ONE_LINE), "a list of texts", /\r?\n/);
}

function list(item: z.ZodType<string>, expects: string, between: RegExp): Kind<readonly string[]> {
  return kind(z.array(item).max(1000), expects, {
    fromText: (given) => (given.trimStart().startsWith("[") ? JSON.parse(given) : given.split(between).filter(Boolean)),
    show: (values) => JSON.stringify(values),
  });
}

function booleanFromText(given: string): unknown {
  const word = given.trim().toLowerCase();
  return word === "true" || (word === "false" ? false : given);
}

function numberFromText(given: string): unknown {
  return /^\s*-?\d{1,16}(\.\d+)?\s*$/.test(given) ? Number(given) : given;
}
