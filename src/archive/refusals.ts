import { FormatError, type FormatErrorCode } from "../base/errors.ts";

const HINTS: Readonly<Record<string, string>> = {
  ARCHIVE_MALFORMED: "the post is damaged or hostile: get another one",
  ARCHIVE_INCOMPLETE: "the post lacks a part of the archive: get another one",
  ARCHIVE_COMPRESSED: "only stored members can be streamed: get a post that is not compressed",
  ARCHIVE_ENCRYPTED: "give the right password with the NZB (meta, file name, or the list of passwords)",
};

type RefusalCode = Extract<FormatErrorCode, `ARCHIVE_${string}`>;

/** The advice that goes with a refusal. */
export function hintFor(code: RefusalCode): string {
  return HINTS[code] as string;
}

/** A refusal; `message` is a lower-case phrase that names what is wrong with what. */
export function refusal(code: RefusalCode, message: string): FormatError {
  return new FormatError(code, message, { hint: hintFor(code) });
}

export function malformed(message: string): FormatError {
  return refusal("ARCHIVE_MALFORMED", message);
}

export function incomplete(message: string): FormatError {
  return refusal("ARCHIVE_INCOMPLETE", message);
}
