import { RequestError, type RequestErrorCode } from "../base/errors.ts";

/** Conditions of RFC 4918 section 16 that an answer names. */
export type Condition =
  | "cannot-modify-protected-property"
  | "lock-token-matches-request-uri"
  | "lock-token-submitted"
  | "no-conflicting-lock"
  | "propfind-finite-depth";

export const XML_TYPE = "application/xml; charset=utf-8";
export const XML_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n';

/** Of those that stand in the way; the first is all that a client needs. */
const MAX_HREFS = 16;

/** The DAV:error element, able to stand in any answer; hrefs are percent-encoded. */
export function renderError(condition: Condition, hrefs: readonly string[] = []): string {
  let named = "";
  for (const href of hrefs.slice(0, MAX_HREFS)) named += `<D:href>${href}</D:href>`;
  const element = named === "" ? `<D:${condition}/>` : `<D:${condition}>${named}</D:${condition}>`;
  return `<D:error xmlns:D="DAV:">${element}</D:error>`;
}

/** A request that does not meet a condition, and is answered with the condition's name. */
export class UnmetCondition extends RequestError {
  /** The DAV:error element. */
  readonly xml: string;

  constructor(code: RequestErrorCode, condition: Condition, { message, hrefs }: Details) {
    super(code, message);
    this.xml = renderError(condition, hrefs);
  }
}

interface Details {
  readonly message: string;
  /** Percent-encoded; whom the condition is about, when it is not the target. */
  readonly hrefs?: readonly string[];
}
