import http, { type IncomingHttpHeaders } from "node:http";

type Headers = Readonly<Record<string, string>>;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What arrived; when `isBroken`, the transfer was visibly cut off after it. */
  readonly body: Buffer;
  readonly isBroken: boolean;
}

/** A request that may be left at any moment, before it is answered or in the middle of the answer. */
export interface Asking {
  readonly response: Promise<http.IncomingMessage>;
  /** Hangs up, as a player does. */
  leave(): void;
}

export interface ClientOptions {
  /** How it logs in, and what else every request says. */
  readonly headers: Headers;
  /** Keeps so many connections and uses them again and again; without it each request has its own. */
  readonly connections?: number;
  /** Where it comes from, such as 127.0.0.2. */
  readonly localAddress?: string;
}

const BASIC = Buffer.from("tester:secret").toString("base64");
export const AUTHORIZATION = `Basic ${BASIC}`;
/** The two users that there are: who logs in with the password, and who comes with the API key. */
export const TESTER: Headers = { Authorization: AUTHORIZATION };
export const KEY_HOLDER: Headers = { "X-Api-Key": "key", "User-Agent": "another program" };

/** The header that asks for the bytes `[start, end)`; to the end of the file when there is no end. */
export function bytes(start: number, end?: number): { readonly Range: string } {
  return { Range: `bytes=${start}-${end === undefined ? "" : end - 1}` };
}

/** A program that reads over HTTP. Disposing closes the connections it keeps. */
export class Client implements Disposable {
  readonly #base: string;
  readonly #options: ClientOptions;
  readonly #agent: http.Agent | false;

  constructor(base: string, options: ClientOptions) {
    this.#base = base;
    this.#options = options;
    const { connections } = options;
    this.#agent = connections === undefined ? false : new http.Agent({ keepAlive: true, maxSockets: connections });
  }

  ask(path: string, headers: Headers = {}, method = "GET"): Asking {
    const { localAddress } = this.#options;
    const request = http.request(new URL(path, this.#base), {
      method,
      headers: { ...this.#options.headers, ...headers },
      agent: this.#agent,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const response = new Promise<http.IncomingMessage>((resolve, reject) => {
      request.on("response", resolve).on("error", reject);
    });
    // Who leaves does not want to hear of it.
    response.catch(() => {});
    request.end();
    return {
      response,
      leave() {
        response.then(
          (answer) => answer.on("error", () => {}),
          () => {},
        );
        request.destroy();
      },
    };
  }

  open(path: string, headers?: Headers, method?: string): Promise<http.IncomingMessage> {
    return this.ask(path, headers, method).response;
  }

  async get(path: string, headers?: Headers, method?: string): Promise<Answer> {
    return await collect(await this.open(path, headers, method));
  }

  [Symbol.dispose](): void {
    if (this.#agent !== false) this.#agent.destroy();
  }
}

/** Reads an answer to its end, or to where it breaks off. */
export async function collect(response: http.IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let isBroken = false;
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch {
    isBroken = true;
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks),
    isBroken: isBroken || !response.complete,
  };
}

/** Takes so many bytes of an answer (fewer only at its end) and lets the rest wait; that may be taken or collected later. */
export function take(response: http.IncomingMessage, count: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let missing = count;
    const done = () => {
      response.pause();
      response.off("data", keep).off("end", done).off("error", fail);
      resolve(Buffer.concat(chunks));
    };
    const fail = (error: Error) => {
      response.off("data", keep).off("end", done);
      reject(error);
    };
    const keep = (chunk: Buffer) => {
      chunks.push(chunk.subarray(0, missing));
      missing -= chunk.length;
      if (missing > 0) return;
      done();
      if (missing < 0) response.unshift(chunk.subarray(missing));
    };
    response.on("data", keep).once("end", done).once("error", fail).resume();
  });
}
