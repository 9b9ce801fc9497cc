interface ErrorOptionsWithHint {
  /** Advice for the operator: what to do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An error that somebody can act on. `code` is for programs, `message` names operation and subject, `hint` says what to do. */
export abstract class AppError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly hint: string | undefined;

  constructor(code: Code, message: string, options: ErrorOptionsWithHint = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}

export type ArticleErrorCode = "ARTICLE_MISSING" | "ARTICLE_CORRUPT";
/** The article itself is at fault: every provider lacks it, or what they hold is not what the file needs. */
export class ArticleError extends AppError<ArticleErrorCode> {}

export type ProviderErrorCode =
  | "PROVIDER_UNREACHABLE"
  | "PROVIDER_TIMEOUT"
  | "PROVIDER_BUSY"
  | "PROVIDER_AUTH"
  | "PROVIDER_PROTOCOL";
/** A news server, the network or the account is at fault; says nothing about whether an article exists. */
export class ProviderError extends AppError<ProviderErrorCode> {}

export type FormatErrorCode =
  | "NZB_MALFORMED"
  | "NZB_TOO_LARGE"
  | "YENC_MALFORMED"
  | "ARCHIVE_MALFORMED"
  | "ARCHIVE_COMPRESSED"
  | "ARCHIVE_ENCRYPTED"
  | "ARCHIVE_INCOMPLETE"
  | "PAYLOAD_UNWANTED";
/** What was given cannot be used: its bytes are wrong, or of a kind that cannot be streamed. */
export class FormatError extends AppError<FormatErrorCode> {}

export type CatalogErrorCode =
  | "PATH_TAKEN"
  | "PATH_MISSING"
  | "PARENT_MISSING"
  | "SCHEMA_NEWER"
  | "DISK_FULL"
  | "CATALOG_UNUSABLE";
/** The catalog refuses, or its file cannot be used. */
export class CatalogError extends AppError<CatalogErrorCode> {}

export type RequestErrorCode =
  | "BAD_REQUEST"
  | "BAD_PATH"
  | "BAD_XML"
  | "BODY_TOO_LARGE"
  | "BODY_TOO_SLOW"
  | "CONFLICT"
  | "FORBIDDEN"
  | "LOCKED"
  | "METHOD_NOT_ALLOWED"
  | "NOT_FOUND"
  | "NOT_READY"
  | "PATH_TOO_LONG"
  | "PRECONDITION_FAILED"
  | "RANGE_UNSATISFIABLE"
  | "TOO_MANY_LOGINS"
  | "UNAUTHORIZED"
  | "UNSUPPORTED_MEDIA";
/** The caller's request is at fault. */
export class RequestError extends AppError<RequestErrorCode> {}

export type UrlErrorCode = "URL_FORBIDDEN" | "URL_REFUSED" | "URL_UNREACHABLE";
/** What is to be fetched from elsewhere is not: its address is not allowed, who answers there refuses, or nobody does at the moment. */
export class UrlError extends AppError<UrlErrorCode> {}

export type ConfigErrorCode = "CONFIG_INVALID" | "INSTALL_INCOMPLETE";
/** The program cannot start as it is configured or installed. */
export class ConfigError extends AppError<ConfigErrorCode> {}

/** The `code` of whatever was thrown, for decisions and counters; undefined when it has none. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/** One line for a log or a person, whatever was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
