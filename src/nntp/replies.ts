/** What a status line means for the command it answers. */
export type Verdict =
  /** A multi-line block follows (220, 222), or there is one line and it says yes (223, 111, 281, 200 ...). */
  | "ok"
  /** The provider does not have the article. */
  | "missing"
  /** Login wanted (480), or a password (381). */
  | "auth-required"
  | "password-required"
  /** The credentials are refused. */
  | "auth-rejected"
  /** Too many connections, as far as the provider is concerned. */
  | "busy"
  /** The account cannot be used now: expired, out of credit, out of volume. */
  | "refused"
  /** The provider is about to close this connection. */
  | "closing"
  /** The command is not known there; the feature is absent. */
  | "unsupported"
  /** An answer to another question: the stream is out of step and the connection useless. */
  | "out-of-step";

export type Verb = "GREETING" | "USER" | "PASS" | "BODY" | "STAT" | "DATE" | "QUIT";

export interface StatusLine {
  readonly code: number;
  readonly text: string;
}

/** Reads `NNN text`; only the three digits count, since `222, 0 <id>` has been seen. Undefined for anything else. */
export function parseStatusLine(line: string): StatusLine | undefined {
  const match = /^([1-5]\d\d)(?!\d)[\s,]*(.*)$/.exec(line);
  return match === null ? undefined : { code: Number(match[1]), text: (match[2] as string).trim() };
}

const FITTING: Readonly<Record<Verb, readonly number[]>> = {
  GREETING: [200, 201],
  USER: [281],
  PASS: [281],
  BODY: [222, 220],
  STAT: [223],
  DATE: [111],
  QUIT: [205],
};

const MISSING_CODES: readonly number[] = [430, 423, 420, 411, 451];

/** Texts of providers in the field, as other clients have collected them. */
const TOO_MANY = /exceed|connection|too many|threads|limit|simultaneous ip|multiple ip/i;
const VOLUME_OR_MONEY = /download|byte|quota|credit|paym|expire|volume/i;

/** RFC 3977 section 3.2 and RFC 4643, and what providers make of them: the codes of one verb, then those any command may get. */
export function judge(verb: Verb, { code, text }: StatusLine): Verdict {
  if (FITTING[verb].includes(code)) return "ok";
  const isFetch = verb === "BODY" || verb === "STAT";
  if (isFetch && MISSING_CODES.includes(code)) return "missing";
  if (code === 480) return "auth-required";
  if (verb === "USER" && code === 381) return "password-required";
  if (code === 481) return isTooMany(text) ? "busy" : "auth-rejected";
  if (code === 482) return isTooMany(text) ? "busy" : VOLUME_OR_MONEY.test(text) ? "refused" : "auth-rejected";
  if (code === 502) return isTooMany(text) ? "busy" : denied(verb, text);
  if (code === 400) return isTooMany(text) ? "busy" : "closing";
  if (code === 205) return "closing";
  if (code === 500 || code === 501 || code === 503 || code === 403) return "unsupported";
  return "out-of-step";
}

function isTooMany(text: string): boolean {
  return TOO_MANY.test(text) && !VOLUME_OR_MONEY.test(text);
}

/** 502 is also said of a single command that is not permitted (RFC 3977 section 3.2.1): STAT may be, where BODY is served. */
function denied(verb: Verb, text: string): Verdict {
  if (verb === "GREETING" || verb === "BODY" || VOLUME_OR_MONEY.test(text)) return "refused";
  return verb === "STAT" ? "unsupported" : "auth-rejected";
}
