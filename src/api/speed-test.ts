import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { BYTE_SIZE, parseByteSize } from "../config/byte-size.ts";
import type { ProviderConfig } from "../config/settings.ts";
import type { SpeedTestWish } from "../health/speed-test.ts";
import { badRequest } from "./errors.ts";
import { sendJsonLines } from "./json-lines.ts";
import { flagParam, textParam } from "./query.ts";
import type { Route } from "./route.ts";
import { readProvider } from "./speed-test-guest.ts";

const DEFAULT_LIMIT_BYTES = 2 ** 30;
const MOST_LIMIT_BYTES = 64 * 2 ** 30;

/** Measures a provider and tells how it goes. */
export interface SpeedTestCalls {
  test(name: string, wish: SpeedTestWish, cancel: Cancel): AsyncIterable<object>;
  /** One that is not configured. */
  testGuest(provider: ProviderConfig, wish: SpeedTestWish, cancel: Cancel): AsyncIterable<object>;
}

interface SpeedTestDeps {
  readonly speedTests: SpeedTestCalls;
  readonly log: Logger;
}

/** The calls that measure a provider: a configured one by its name, any other by a description in the body. */
export function speedTestRoutes({ speedTests, log }: SpeedTestDeps): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/api/v1/providers/{id}/speedtest",
      access: "required",
      handle({ res, params, query, signal }) {
        const lines = speedTests.test(params["id"] as string, wishIn(query), { signal });
        return sendJsonLines(res, lines, { signal, log });
      },
    },
    {
      method: "POST",
      path: "/api/v1/providers/speedtest",
      access: "required",
      takesUpload: true,
      async handle({ req, res, query, signal }) {
        const wish = wishIn(query);
        const provider = await readProvider(req, { signal });
        await sendJsonLines(res, speedTests.testGuest(provider, wish, { signal }), { signal, log });
      },
    },
  ];
}

/** `limit`: bytes, or with a unit; `force=1`: also while somebody watches. Throws BAD_REQUEST. */
function wishIn(query: URLSearchParams): SpeedTestWish {
  const limit = textParam(query, "limit");
  const limitBytes = limit === undefined ? DEFAULT_LIMIT_BYTES : BYTE_SIZE.test(limit) ? parseByteSize(limit) : 0;
  if (limitBytes < 1 || limitBytes > MOST_LIMIT_BYTES) {
    throw badRequest("limit is a size such as 512MiB, 64GiB at most");
  }
  return { limitBytes, whileStreaming: flagParam(query, "force") ? "share" : "stop" };
}
