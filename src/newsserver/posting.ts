import { type MessageId, parseMessageId } from "../base/message-id.ts";

/** An article as a client posted it, taken apart. */
export interface Posting {
  /** From its Message-ID header; undefined when it has none. */
  readonly id: MessageId | undefined;
  readonly groups: readonly string[];
  /** Header lines with CRLF, without the blank line. */
  readonly head: Buffer;
  /** Dot-stuffed, ending with the terminating line. */
  readonly stuffedBody: Buffer;
}

const MAX_HEAD_BYTES = 64 * 1024;
/** RFC 3977 section 4.1: no blanks, commas, or characters of wildmats. */
const GROUP_SHAPE = /^[!-)+\--Z^-~]{1,200}$/;
const REQUIRED = ["From", "Newsgroups", "Subject"];

/** Takes apart what followed a 340 (RFC 3977 section 6.3.1): dot-stuffed, with the terminating line. A string is the reason of a refusal. */
export function parsePosting(wire: Buffer): Posting | string {
  const blank = wire.indexOf("\r\n\r\n", 0, "latin1");
  if (blank < 0 || blank > MAX_HEAD_BYTES) return "no blank line ends the headers";
  const head = wire.subarray(0, blank + 2);
  const text = head.toString("utf8").replace(/\r\n[ \t]+/g, " ");
  const absent = REQUIRED.find((name) => header(text, name) === undefined);
  if (absent !== undefined) return `the ${absent} header is absent`;
  const given = header(text, "Message-ID");
  const id = given === undefined ? undefined : parseMessageId(given);
  if (given !== undefined && id === undefined) return "the Message-ID is malformed";
  const groups = (header(text, "Newsgroups") ?? "")
    .split(",")
    .map((group) => group.trim())
    .filter((group) => GROUP_SHAPE.test(group));
  return { id, groups, head, stuffedBody: wire.subarray(blank + 4) };
}

/** The value of the first header of this name in unfolded header lines; undefined when absent or empty. */
function header(text: string, name: string): string | undefined {
  const value = new RegExp(`^${name}:[ \\t]*([^\\r\\n]*)`, "im").exec(text)?.[1]?.trim();
  return value === "" ? undefined : value;
}
