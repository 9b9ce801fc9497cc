import type { IncomingMessage, ServerResponse } from "node:http";
import { type Chaos, parseChaos } from "./demo-chaos.ts";

const PATH = "/demo/chaos";

/** Lets a second `newsreel demo` change how the running one misbehaves: POST with the values as query. */
export function serveChaos(
  now: () => Chaos,
  change: (to: Partial<Chaos>) => Chaos,
): (req: IncomingMessage, res: ServerResponse) => boolean {
  return (req, res) => {
    const [path, query = ""] = (req.url ?? "").split("?");
    if (path !== PATH) return false;
    // A page elsewhere must not reach into the demo of whoever looks at it.
    const isForeign = req.headers.origin !== undefined || req.headers["sec-fetch-site"] !== undefined;
    try {
      const chaos =
        req.method === "POST" && !isForeign
          ? change(parseChaos(Object.fromEntries(new URLSearchParams(query))))
          : now();
      res.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(chaos));
    } catch (error) {
      res.writeHead(400, { "Content-Type": "text/plain" }).end(`${(error as Error).message}\n`);
    }
    return true;
  };
}

/** Changes a demo that runs on this port and returns how it behaves now; undefined when none runs there. */
export async function changeRunningDemo(
  port: number,
  chaos: Partial<Chaos>,
  signal: AbortSignal,
): Promise<Chaos | undefined> {
  if (port === 0) return undefined;
  const query = new URLSearchParams(
    Object.entries(chaos).map(([name, value]) => [name, String(value)] as [string, string]),
  );
  try {
    const response = await fetch(`http://127.0.0.1:${port}${PATH}?${query}`, { method: "POST", signal });
    if (!response.ok || !response.headers.get("content-type")?.startsWith("application/json")) return undefined;
    return (await response.json()) as Chaos;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
