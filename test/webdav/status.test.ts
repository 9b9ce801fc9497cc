import { describe, expect, test } from "@jest/globals";
import {
  ArticleError,
  CatalogError,
  ConfigError,
  FormatError,
  ProviderError,
  RequestError,
} from "../../src/base/errors.ts";
import { errorAnswer } from "../../src/webdav/status.ts";

describe("a failure", () => {
  test.each([
    [new ArticleError("ARTICLE_MISSING", "m"), 502],
    [new ArticleError("ARTICLE_CORRUPT", "m"), 502],
    [new ProviderError("PROVIDER_AUTH", "m"), 503],
    [new ProviderError("PROVIDER_TIMEOUT", "m"), 503],
    [new FormatError("NZB_MALFORMED", "m"), 422],
    [new FormatError("NZB_TOO_LARGE", "m"), 413],
    [new FormatError("ARCHIVE_ENCRYPTED", "m"), 502],
    [new CatalogError("PATH_MISSING", "m"), 404],
    [new CatalogError("PARENT_MISSING", "m"), 409],
    [new CatalogError("DISK_FULL", "m"), 507],
    [new RequestError("FORBIDDEN", "m"), 403],
    [new RequestError("LOCKED", "m"), 423],
    [new RequestError("RANGE_UNSATISFIABLE", "m"), 416],
    [new RequestError("NOT_READY", "m"), 503],
    [new ConfigError("CONFIG_INVALID", "m"), 500],
  ])("%s is answered by who can act on it", (error, status) => {
    const answer = errorAnswer(error);
    expect(answer.status).toBe(status);
    expect(answer.headers["Retry-After"]).toBe(status === 503 ? "10" : undefined);
    expect(answer.text).toBe("m\n");
  });

  test("has its hint in the answer, and nothing of its cause or stack", () => {
    const error = new RequestError("CONFLICT", "message", { hint: "do this", cause: new Error("inner") });
    expect(errorAnswer(error).text).toBe("message\ndo this\n");
  });

  test.each([new Error("secret"), new TypeError("secret"), { code: "FORBIDDEN" }, "secret", undefined, null])(
    "that is a defect tells nothing: %s",
    (error) => {
      expect(errorAnswer(error)).toEqual({ status: 500, headers: {}, text: "internal error\n" });
    },
  );
});
