import { textOf } from "./bytes.ts";

/** A name and a password as a client sent them. */
export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/** RFC 7617 section 2.1: tells clients how to encode what is not ASCII. */
export const BASIC_CHALLENGE = 'Basic realm="Newsreel", charset="UTF-8"';

const HEADER = /^basic +([A-Za-z0-9+/_-]{1,4096}={0,2})$/i;
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * The credentials of an Authorization header (RFC 7617); undefined when it has another scheme or is malformed. Everything after the first
 * colon is the password. Bytes that are not UTF-8 are taken for Latin-1, which old clients send.
 */
export function parseBasic(header: string | undefined): BasicCredentials | undefined {
  const match = header === undefined ? null : HEADER.exec(header.trim());
  if (match === null) return undefined;
  const text = textOf(Buffer.from(match[1] as string, "base64"));
  const colon = text.indexOf(":");
  if (colon === -1 || CONTROL.test(text)) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
