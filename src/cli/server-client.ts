import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { errorCode, errorMessage } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { CommandError } from "./exit-code.ts";
import { printable } from "./output.ts";
import type { ServerAddress } from "./server-address.ts";

/** What came back; whoever asked reads the body to its end or leaves its loop, either of which frees the connection. */
export interface Answer {
  readonly status: number;
  /** The bytes as they come; breaking off rejects with CommandError SERVER_ANSWER, aborting with the signal's reason. */
  readonly body: AsyncGenerator<Buffer, void, undefined>;
}

export interface ServerRequest {
  readonly method: string;
  /** Encoded, relative to the server's root: `api/v1/imports?category=movies`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Readable;
}

/**
 * Sends one request on a connection of its own and resolves with whatever status comes back. Rejects with CommandError
 * SERVER_UNREACHABLE, or the signal's reason.
 */
export async function send(server: ServerAddress, request: ServerRequest, { signal }: Cancel): Promise<Answer> {
  signal.throwIfAborted();
  const { request: open } = server.url.protocol === "https:" ? https : http;
  const outgoing = open(new URL(request.path, server.url), {
    method: request.method,
    headers: { ...authorization(server), ...request.headers },
    agent: false,
    signal,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    // Stays for good: a refused upload breaks the connection after its answer came.
    outgoing.on("error", reject);
  });
  // A server that answers before it has read the whole upload is still listened to.
  if (request.body === undefined) outgoing.end();
  else void pipeline(request.body, outgoing).catch(() => {});
  try {
    const response = await answered;
    return { status: response.statusCode ?? 0, body: chunksOf(response, signal) };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new CommandError("SERVER_UNREACHABLE", `cannot reach ${server.url.href} (${reasonOf(error)})`, {
      hint: "is it running there? newsreel serve starts it; --url names another",
      cause: error,
    });
  }
}

async function* chunksOf(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* response as AsyncIterable<Buffer>;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new CommandError("SERVER_ANSWER", `the server broke off its answer (${reasonOf(error)})`, {
      hint: "the server's log tells why",
      cause: error,
    });
  }
}

function reasonOf(error: unknown): string {
  return errorCode(error) ?? errorMessage(error);
}

function authorization({ user, password }: ServerAddress): Readonly<Record<string, string>> {
  if (password === "") return {};
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
}

/** The answer itself when its status is one of `statuses`; else throws what the server said as CommandError SERVER_REFUSED. */
export async function expectStatus(answer: Answer, subject: string, ...statuses: readonly number[]): Promise<Answer> {
  const { status } = answer;
  if (statuses.includes(status)) return answer;
  throw refusalOf(status, await saidBy(answer), subject);
}

/** The JSON value of a refusal's body; undefined when it is none. */
export async function saidBy(answer: Answer): Promise<unknown> {
  return parseJson(await readText(answer, MAX_REFUSAL).catch(() => ""));
}

/** What a refusal says, or what its status means where it says nothing. */
export function refusalOf(status: number, said: unknown, subject: string): CommandError {
  const otherwise = { message: WORDS[status] ?? `the server answered ${status}`, hint: HINTS[status] };
  return refusalIn(said, subject) ?? refusal(subject, otherwise);
}

/** What the JSON API refuses in `{"error":{"code","message","hint"}}`; undefined for any other value. */
export function refusalIn(value: unknown, subject: string): CommandError | undefined {
  const said = API_ERROR.safeParse(value).data?.error;
  return said === undefined ? undefined : refusal(subject, said);
}

/** A ZIP of a thousand NZBs may be refused NZB by NZB. */
const MAX_REFUSAL = 1024 * 1024;

const API_ERROR = z.object({ error: z.object({ message: z.string(), hint: z.string().nullish() }) });
type Refusal = z.infer<typeof API_ERROR>["error"];

function refusal(subject: string, { message, hint }: Refusal): CommandError {
  return new CommandError("SERVER_REFUSED", `${subject}: ${printable(message)}`, hint ? { hint: printable(hint) } : {});
}

const WORDS: Readonly<Record<number, string>> = {
  401: "the server does not accept this login",
  403: "the server does not allow it",
  404: "there is no such thing",
  416: "the range lies outside of the file",
  502: "articles of this file are missing or corrupt",
  503: "the server cannot do it at present",
};

const HINTS: Readonly<Record<number, string>> = {
  401: "give --user and --password, or run it with the configuration and data folder of the server",
  404: "newsreel ls shows what is there",
  502: "newsreel verify tells which files are damaged",
  503: "newsreel provider test shows whether the providers can be used",
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The whole body as text; rejects with CommandError SERVER_ANSWER when it is longer than `mostBytes` or breaks off. */
export async function readText(answer: Answer, mostBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    if (length > mostBytes)
      throw new CommandError("SERVER_ANSWER", `the server's answer is longer than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The body's JSON value; rejects with CommandError SERVER_ANSWER when it is none. */
export async function readJson(answer: Answer): Promise<unknown> {
  const value = parseJson(await readText(answer, 16 * 1024 * 1024));
  if (value === undefined)
    throw new CommandError("SERVER_ANSWER", "the server's answer is not JSON", { hint: NOT_NEWSREEL });
  return value;
}

const NOT_NEWSREEL = "is it a newsreel server of the same version? newsreel version tells this one's";

/** The JSON values of a body with one per line (NDJSON), as they come. */
export async function* readJsonLines(answer: Answer): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of answer.body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() as string;
    if (rest.length > 1024 * 1024) throw new CommandError("SERVER_ANSWER", "the server sent a line that does not end");
    for (const line of lines) yield* jsonLine(line);
  }
  yield* jsonLine(rest);
}

function* jsonLine(line: string): Generator<unknown, void, undefined> {
  if (line.trim() === "") return;
  const value = parseJson(line);
  if (value === undefined)
    throw new CommandError("SERVER_ANSWER", "the server sent a line that is not JSON", { hint: NOT_NEWSREEL });
  yield value;
}
