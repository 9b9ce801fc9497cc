import { errorCode, errorMessage, FormatError, type FormatErrorCode } from "../base/errors.ts";
import type { NzbLimits } from "./limits.ts";
import type { WireNzb } from "./wire.ts";

/** Where an NZB lies: plain or gzip. `bytes` are copied to the worker and stay the caller's. */
export type NzbSource = { readonly path: string } | { readonly bytes: Uint8Array };

export type ToWorker =
  | { readonly kind: "parse"; readonly source: NzbSource; readonly limits: Partial<NzbLimits> | undefined }
  | { readonly kind: "cancel" };

/** The answer to the one `parse` that is under way. */
export type FromWorker = { readonly nzb: WireNzb } | { readonly failure: WireError };

/** An error as it crosses: neither class nor `code` survives a structured clone. */
export interface WireError {
  readonly isFormatError: boolean;
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

export function packError(error: unknown): WireError {
  const isFormatError = error instanceof FormatError;
  return {
    isFormatError,
    code: errorCode(error),
    message: errorMessage(error),
    hint: isFormatError ? error.hint : undefined,
  };
}

export function unpackError({ isFormatError, code, message, hint }: WireError): Error {
  if (isFormatError) return new FormatError(code as FormatErrorCode, message, hint === undefined ? {} : { hint });
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}
