import { describe, expect, test } from "@jest/globals";
import { renderError, UnmetCondition } from "../../src/webdav/precondition.ts";
import { errorAnswer } from "../../src/webdav/status.ts";

describe("a condition that is not met", () => {
  test("is answered with its name, and whom it is about", () => {
    const error = new UnmetCondition("LOCKED", "lock-token-submitted", {
      message: "locked",
      hrefs: ["/dav/a/", "/dav/b"],
    });
    expect(errorAnswer(error)).toEqual({
      status: 423,
      headers: {},
      contentType: "application/xml; charset=utf-8",
      text:
        '<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:"><D:lock-token-submitted>' +
        "<D:href>/dav/a/</D:href><D:href>/dav/b</D:href></D:lock-token-submitted></D:error>",
    });
  });

  test("is an empty element when it is about the target", () => {
    expect(renderError("propfind-finite-depth")).toBe('<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>');
  });

  test("names no more than sixteen", () => {
    const hrefs = Array.from({ length: 1000 }, (_, n) => `/dav/${n}`);
    expect(renderError("lock-token-submitted", hrefs).match(/<D:href>/g)).toHaveLength(16);
  });
});
