import { afterAll, afterEach, beforeAll, expect } from "@jest/globals";
import { until } from "../until.ts";
import { type DavServer, type DavServerOptions, startDavServer } from "./dav-server.ts";
import { fetchRaw, type Headers, RawClient } from "./raw-client.ts";

export const SMALL = "/dav/movies/small.mkv";

/** A server that hostile clients are let loose on. */
export interface Target {
  readonly server: DavServer;
  status(method: string, url: string, headers?: Headers, body?: string): Promise<number>;
  /** The status of the answer to exactly these bytes, or `closed` when the connection is closed without one. */
  raw(bytes: string): Promise<number | "closed">;
}

/**
 * One impatient server for all tests of a file. After each of them it must answer a normal request, have closed every reader and
 * every connection, and have logged no error.
 */
export function useTarget(options: DavServerOptions = {}): Target {
  let server: DavServer;
  beforeAll(async () => {
    server = await startDavServer({ limits: { smallBodyMs: 30, putIdleMs: 30, lingerMs: 30 }, ...options });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    expect((await fetchRaw(server.port, "GET", SMALL, { Range: "bytes=0-0" })).status).toBe(206);
    await until(() => server.connections() === 0);
    expect(server.tree.counts.openReads).toBe(0);
    expect(server.errors).toEqual([]);
  });
  return {
    get server() {
      return server;
    },
    status: async (method, url, headers = {}, body = "") =>
      (await fetchRaw(server.port, method, url, headers, body)).status,
    raw: async (bytes) => {
      await using client = await RawClient.open(server.port);
      client.send(bytes);
      return await statusOf(client);
    },
  };
}

/** The status of the next answer, whose body is not waited for. */
export async function statusOf(client: RawClient): Promise<number | "closed"> {
  try {
    return (await client.response("HEAD")).status;
  } catch {
    return "closed";
  }
}
