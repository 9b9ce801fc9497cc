import { expect } from "@jest/globals";
import { RawClient, type RawResponse } from "../../webdav/raw-client.ts";
import { AUTHORIZATION, type System } from "../fixture.ts";

/** What stands for `{name}` in a recording. */
export type Values = Readonly<Record<string, string>>;

/**
 * One connection on which a recorded client talks to the whole product, byte for byte as it was recorded. In a recording `{host}` stands
 * for the server's authority, `{basic}` for the value of an Authorization header, and `{length}` for the length of a body whose length is
 * not the recording's; a test may add names of its own. Disposing it hangs up.
 */
export class Conversation implements AsyncDisposable {
  readonly #client: RawClient;
  readonly #host: string;

  private constructor(client: RawClient, host: string) {
    this.#client = client;
    this.#host = host;
  }

  static async open({ app }: System): Promise<Conversation> {
    const { host, port } = new URL(app.url);
    return new Conversation(await RawClient.open(Number(port)), host);
  }

  /** The bytes of the answer that have arrived and were not asked for yet. */
  get bytesReceived(): number {
    return this.#client.bytesReceived;
  }

  /** Sends a request and leaves its answer for `answer`. `head` is one header a line; the body goes out as it is. */
  send(head: string, body: string | Buffer = "", values: Values = {}): void {
    const bytes = Buffer.from(body);
    const all: Values = { host: this.#host, basic: AUTHORIZATION, length: `${bytes.length}`, ...values };
    const filled = head.trim().replace(/\{(\w+)\}/g, (whole, name: string) => all[name] ?? whole);
    const announced = /^content-length: (\d+)$/im.exec(filled)?.[1] ?? "0";
    if (!/^transfer-encoding:/im.test(filled) && Number(announced) !== bytes.length) {
      throw new Error(`the recording announces ${announced} bytes and has ${bytes.length}`);
    }
    this.#client.send(Buffer.concat([Buffer.from(`${filled.replaceAll("\n", "\r\n")}\r\n\r\n`), bytes]));
  }

  /** Reads no more until `resume`, as a player does whose buffer is full. */
  pause(): void {
    this.#client.socket.pause();
  }

  resume(): void {
    this.#client.socket.resume();
  }

  answer(method: string): Promise<RawResponse> {
    return this.#client.response(method);
  }

  /** Sends a request and resolves with its answer. */
  say(head: string, body: string | Buffer = "", values: Values = {}): Promise<RawResponse> {
    this.send(head, body, values);
    return this.answer(head.trim().split(" ", 1)[0] as string);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client[Symbol.asyncDispose]();
  }
}

/** One recording on a connection of its own. */
export async function sayOnce(
  system: System,
  head: string,
  body: string | Buffer = "",
  values: Values = {},
): Promise<RawResponse> {
  await using talk = await Conversation.open(system);
  return await talk.say(head, body, values);
}

/** The elements DAV:response of a multistatus by their href, each as the server wrote it. */
export function members({ status, body }: RawResponse): ReadonlyMap<string, string> {
  expect(status).toBe(207);
  const found = new Map<string, string>();
  for (const [whole, href = ""] of body
    .toString()
    .matchAll(/<D:response><D:href>([^<]*)<\/D:href>.*?<\/D:response>/gs)) {
    found.set(href, whole);
  }
  return found;
}

/** The text of a DAV: property where an answer has it once; undefined where it is empty or not there. */
export function textOf(xml: string | undefined, property: string): string | undefined {
  return new RegExp(`<D:${property}>([^<]*)</D:${property}>`).exec(xml ?? "")?.[1];
}

/** The token that an answer to LOCK tells, without its angle brackets. */
export function lockToken({ headers, body }: RawResponse): string {
  const [, token = ""] = /^<(\S+)>$/.exec(headers["lock-token"] ?? "") ?? [];
  expect(token).not.toBe("");
  // Clients take it from either place.
  expect(body.toString()).toContain(`<D:locktoken><D:href>${token}</D:href></D:locktoken>`);
  return token;
}
