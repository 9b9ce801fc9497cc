import type { IncomingHttpHeaders } from "node:http";

/** What credentials are checked against: Digest signs the method and the URL, as the client sent it. */
export interface AuthRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** Who sent a request, and whether more than reading is allowed. */
export interface Identity {
  /** Empty for a guest. */
  readonly user: string;
  readonly mayWrite: boolean;
  readonly via: "password" | "app-password" | "api-key" | "anonymous";
  /** The id of the app password that was given. */
  readonly appPassword?: number;
}

/** What to answer instead. 401 has the challenges, 429 has Retry-After. */
export interface AuthFailure {
  readonly status: 401 | 429;
  /** Several challenges are several headers of one name. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly message: string;
}

export const NO_CREDENTIALS = "a user name and password are needed";
export const WRONG_CREDENTIALS = "wrong user name or password";
export const GUESSED_TOO_OFTEN = "too many wrong passwords from this address";

/** The answer to an address that has guessed too often, or to anybody while too many log in. */
export function tooMany(message: string, waitMs: number): AuthFailure {
  return { status: 429, headers: { "Retry-After": String(Math.ceil(waitMs / 1000)) }, message };
}
