import { createHash } from "node:crypto";

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

/**
 * Answers Digest challenges as Windows' WinHTTP does (RFC 7616 section 3.4): MD5, directives without a space between them, `qop` in quotes,
 * one nonce for as long as the server takes it, with a count that goes up.
 */
export class DigestLogin {
  readonly #user: string;
  readonly #password: string;
  #challenge: Readonly<Record<string, string>> = {};
  #count = 0;

  constructor(user: string, password: string) {
    this.#user = user;
    this.#password = password;
  }

  /** Takes the MD5 challenge out of the WWW-Authenticate headers of an answer; throws when there is none. */
  challenged(headers: string | undefined): void {
    const all = (headers ?? "").split(/,\s*(?=(?:Digest|Basic) )/i);
    const challenge = all
      .filter((one) => /^Digest /i.test(one))
      .map((one) =>
        Object.fromEntries([...one.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map((m) => [m[1], m[2] ?? m[3]])),
      )
      .find(({ algorithm = "MD5" }) => algorithm === "MD5");
    if (challenge === undefined) throw new Error(`no Digest challenge with MD5 in ${headers}`);
    this.#challenge = challenge as Readonly<Record<string, string>>;
    this.#count = 0;
  }

  /** The Authorization header of the next request. */
  header(method: string, uri: string): string {
    const { realm = "", nonce = "", opaque = "" } = this.#challenge;
    this.#count += 1;
    const nc = this.#count.toString(16).padStart(8, "0");
    const cnonce = md5(`${nonce} ${this.#count}`);
    const secret = md5(`${this.#user}:${realm}:${this.#password}`);
    const response = md5(`${secret}:${nonce}:${nc}:${cnonce}:auth:${md5(`${method}:${uri}`)}`);
    return (
      `Digest username="${this.#user}",realm="${realm}",nonce="${nonce}",uri="${uri}",cnonce="${cnonce}",nc=${nc},` +
      `algorithm=MD5,response="${response}",qop="auth",opaque="${opaque}"`
    );
  }
}
