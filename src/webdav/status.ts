import {
  AppError,
  type ArticleErrorCode,
  type CatalogErrorCode,
  type ConfigErrorCode,
  type FormatErrorCode,
  type ProviderErrorCode,
  type RequestErrorCode,
  type UrlErrorCode,
} from "../base/errors.ts";
import { UnmetCondition, XML_DECLARATION, XML_TYPE } from "./precondition.ts";

type AppErrorCode =
  | ArticleErrorCode
  | ProviderErrorCode
  | FormatErrorCode
  | CatalogErrorCode
  | RequestErrorCode
  | UrlErrorCode
  | ConfigErrorCode;

const STATUS = {
  ARTICLE_MISSING: 502,
  ARTICLE_CORRUPT: 502,
  PROVIDER_UNREACHABLE: 503,
  PROVIDER_TIMEOUT: 503,
  PROVIDER_BUSY: 503,
  PROVIDER_AUTH: 503,
  PROVIDER_PROTOCOL: 503,
  NZB_MALFORMED: 422,
  NZB_TOO_LARGE: 413,
  YENC_MALFORMED: 502,
  ARCHIVE_MALFORMED: 502,
  ARCHIVE_COMPRESSED: 502,
  ARCHIVE_ENCRYPTED: 502,
  ARCHIVE_INCOMPLETE: 502,
  PAYLOAD_UNWANTED: 502,
  PATH_TAKEN: 405,
  PATH_MISSING: 404,
  PARENT_MISSING: 409,
  SCHEMA_NEWER: 500,
  DISK_FULL: 507,
  CATALOG_UNUSABLE: 503,
  BAD_REQUEST: 400,
  BAD_PATH: 400,
  BAD_XML: 400,
  BODY_TOO_LARGE: 413,
  BODY_TOO_SLOW: 408,
  CONFLICT: 409,
  FORBIDDEN: 403,
  LOCKED: 423,
  METHOD_NOT_ALLOWED: 405,
  NOT_FOUND: 404,
  NOT_READY: 503,
  PATH_TOO_LONG: 414,
  PRECONDITION_FAILED: 412,
  RANGE_UNSATISFIABLE: 416,
  TOO_MANY_LOGINS: 429,
  UNAUTHORIZED: 401,
  UNSUPPORTED_MEDIA: 415,
  URL_FORBIDDEN: 403,
  URL_REFUSED: 502,
  URL_UNREACHABLE: 503,
  CONFIG_INVALID: 500,
  INSTALL_INCOMPLETE: 500,
} as const satisfies Record<AppErrorCode, number>;

const RETRY_AFTER_SECONDS = 10;

/** What a client is told about a failure: a status, headers that belong to it, and a short text without internals. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Of the text; plain text unless given. */
  readonly contentType?: string;
}

/** The answer to a failure before the response header is out. Whatever is not an AppError is a 500 that tells nothing. */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (!(error instanceof AppError) || !Object.hasOwn(STATUS, error.code)) {
    return { status: 500, headers: {}, text: "internal error\n" };
  }
  const status: number = STATUS[error.code as AppErrorCode];
  if (error instanceof UnmetCondition) {
    return { status, headers: {}, contentType: XML_TYPE, text: XML_DECLARATION + error.xml };
  }
  return {
    status,
    headers: status === 503 ? { "Retry-After": String(RETRY_AFTER_SECONDS) } : {},
    text: error.hint === undefined ? `${error.message}\n` : `${error.message}\n${error.hint}\n`,
  };
}
