import type { Clock } from "../base/clock.ts";
import { UrlError } from "../base/errors.ts";
import { isObfuscated } from "./obfuscated.ts";
import { baseName } from "./safe-name.ts";
import { type Download, shownUrl } from "./url-download.ts";

/** How an answer calls what it brings. */
export interface AnswerNames {
  /** By the indexer itself, in words for people; a header of Newzbin's that others took over. */
  readonly stated: string | undefined;
  readonly fileName: string | undefined;
  readonly category: string | undefined;
}

/** Who answers has had too much for the moment, or is in trouble. */
export class BusyError extends UrlError {
  /** When to ask again, as it said itself. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs: number | undefined) {
    super("URL_UNREACHABLE", message, { hint: "it is tried again by itself" });
    this.retryAfterMs = retryAfterMs;
  }
}

/** Enough of a document to tell what it is, and of an error to read it. */
const HEAD_BYTES = 4096;
const MAX_WORDS = 200;
/** Statuses below 500 that say nothing about the request itself. */
const BUSY: ReadonlySet<number> = new Set([408, 425, 429]);
const LOGIN_HINT = "check the API key in the link, and the account at the indexer";
const GONE_HINT = "it is no longer there: get it from another indexer";
/** Nobody asks for a part; one would be taken for all of it. */
const PARTIAL = 206;
const HINTS: ReadonlyMap<number, string> = new Map([
  [PARTIAL, "it sends a part of what is there: fetch the NZB yourself and add it as a file"],
  [404, GONE_HINT],
  [410, GONE_HINT],
]);
const PAGE_HINT = `a web page is usually a login: ${LOGIN_HINT}`;

/**
 * The bytes of an answer that may be an NZB. Rejects with BusyError where asking again may help, else with URL_REFUSED and the words of
 * whoever refuses: a status, a web page, JSON, or an `<error>` of a Newznab indexer, which comes with status 200.
 */
export async function acceptedBody(download: Download, clock: Clock): Promise<AsyncGenerator<Uint8Array>> {
  const { status, headers, url, trail, body } = download;
  const head = await headOf(body);
  const refusal = refusalIn(head.toString("utf8"));
  const words = refusal?.words === undefined ? "" : `: ${printable(withoutSecrets(refusal.words, trail))}`;
  const who = shownUrl(url);
  if (status >= 500 || BUSY.has(status)) {
    throw new BusyError(`${who} answers ${status}${words}`, retryAfterMs(headers["retry-after"], clock));
  }
  if (status < 200 || status >= 300 || status === PARTIAL) {
    throw new UrlError("URL_REFUSED", `${who} answers ${status}${words}`, { hint: HINTS.get(status) ?? LOGIN_HINT });
  }
  if (refusal === undefined) return resumed(head, body);
  throw new UrlError("URL_REFUSED", `${who} sends ${refusal.what} instead of an NZB${words}`, { hint: refusal.hint });
}

/** Names by the headers, or by the path where that ends in a file. */
export function answerNames({ headers, url }: Download): AnswerNames {
  const disposition = dispositionName(headers["content-disposition"]);
  const named = textHeader(headers["x-dnzb-name"]);
  const inPath = pathName(url);
  return {
    // A ZIP is called by what is in it.
    stated: named ?? (disposition?.toLowerCase().endsWith(".zip") ? undefined : disposition),
    fileName: disposition ?? inPath,
    category: textHeader(headers["x-dnzb-category"]),
  };
}

/** The text with all taken out that URLs may hold as a secret: their logins, values of their queries and long pieces of their paths. */
export function withoutSecrets(text: string, urls: readonly URL[]): string {
  const secrets = urls.flatMap(({ searchParams, pathname, username, password }) => [
    ...[...searchParams.values()].filter((value) => value.length >= 6),
    ...pathname.split(/[/&=;,]/).filter((piece) => piece.length >= 16),
    ...[username, password].filter((part) => part !== ""),
  ]);
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, "…").replaceAll(decoded(secret), "…"), text);
}

async function headOf(body: AsyncGenerator<Uint8Array, void, undefined>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let bytes = 0; bytes < HEAD_BYTES; ) {
    const next = await body.next();
    if (next.done === true) break;
    chunks.push(next.value);
    bytes += next.value.length;
  }
  return Buffer.concat(chunks);
}

async function* resumed(head: Buffer, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  yield* rest;
}

interface Refusal {
  readonly what: string;
  readonly words: string | undefined;
  readonly hint: string;
}

function refusalIn(head: string): Refusal | undefined {
  const text = head
    .slice(0, HEAD_BYTES)
    .replace(/^\ufeff/, "")
    .trimStart();
  if (/^[{[]/.test(text)) {
    const words = /"(?:description|message|error|detail)"\s*:\s*"((?:[^"\\]|\\.)*)"/i.exec(text)?.[1];
    return { what: "an error", words: words?.replace(/\\(?:u[0-9a-f]{4}|.)/gi, " "), hint: LOGIN_HINT };
  }
  const bare = text.replace(/<\?[^>]*>|<!--[\s\S]*?-->/g, "").trimStart();
  if (/^<(?:!doctype\s+)?html\b/i.test(bare)) {
    return { what: "a web page", words: /<title[^>]*>([^<]*)/i.exec(bare)?.[1], hint: PAGE_HINT };
  }
  const error = /^<error\b([^>]*)>/i.exec(bare)?.[1];
  if (error === undefined) return undefined;
  const words = ["code", "description"].flatMap((name) => attribute(error, name) ?? []).join(" ");
  return { what: "an error", words: words === "" ? undefined : words, hint: LOGIN_HINT };
}

function attribute(tag: string, name: string): string | undefined {
  const [, double, single] = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, "i").exec(tag) ?? [];
  return (double ?? single)?.replace(/&(amp|lt|gt|quot|apos|#39);/g, (_, entity: string) => ENTITIES[entity] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", "#39": "'" };

/** Made by a stranger, shown to a person: one short line. */
function printable(text: string): string {
  return text
    .replace(/[^\p{L}\p{N}\p{P}\p{S}]+/gu, " ")
    .trim()
    .slice(0, MAX_WORDS);
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
function retryAfterMs(header: string | undefined, clock: Clock): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - clock.wall());
}

/** RFC 6266: `filename*` (RFC 8187) before `filename`. */
function dispositionName(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const found = new Map<string, string>();
  for (const [, name, value] of header.matchAll(/;\s*(filename\*?)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)/gi)) {
    found.set((name as string).toLowerCase(), (value as string).trim());
  }
  const name = extendedValue(found.get("filename*")) ?? plainValue(found.get("filename"));
  const base = name === undefined ? "" : baseName(name);
  return base === "" ? undefined : base;
}

function extendedValue(value: string | undefined): string | undefined {
  const [, charset, text] = /^"?([\w-]+)'[^']*'([^"]*)"?$/.exec(value ?? "") ?? [];
  if (charset === undefined || text === undefined) return undefined;
  const bytes = Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
  return charset.toLowerCase() === "utf-8" ? utf8(bytes) : bytes.toString("latin1");
}

function plainValue(value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  return textHeader(value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value);
}

/** Headers come as bytes, which most indexers mean as UTF-8. */
function textHeader(header: string | readonly string[] | undefined): string | undefined {
  const first = typeof header === "string" ? header : header?.[0];
  if (first === undefined || first.trim() === "") return undefined;
  return utf8(Buffer.from(first, "latin1")) ?? first;
}

function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The last piece of the path. Unless it ends as an NZB does, it may be a call's name, where there is a query, or a key, where it says nothing. */
function pathName({ pathname, search }: URL): string | undefined {
  // Behind `&` old indexers have what belongs into the query, the key too.
  const last = baseName(decoded((pathname.split("/").at(-1) as string).split("&")[0] as string));
  if (last === "") return undefined;
  if (/\.(?:nzb|nzb\.gz|zip)$/i.test(last)) return last;
  return search === "" && !isObfuscated(last) ? last : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
