/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What the process was started with. The one place that looks at it; everybody else is given an Env. */
export function processEnv(): Env {
  return process.env;
}

const PREFIX = "NEWSREEL_";

/** The variable that sets a key: `cache.memoryBytes` is NEWSREEL_CACHE_MEMORY_BYTES. */
export function envName(key: string): string {
  return (
    PREFIX +
    key
      .replaceAll(".", "_")
      .replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_")
      .toUpperCase()
  );
}

/** Kubernetes services and Docker links named newsreel set these in every container beside them; no person meant them. */
const FROM_ORCHESTRATOR =
  /^NEWSREEL_(SERVICE_HOST|SERVICE_PORT|SERVICE_PORT_.+|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$/;
const ADDRESS_OF_SERVICE = /^(tcp|udp):\/\//;

/** The NEWSREEL_ variables that somebody set; an empty one counts as not set, as compose files leave them behind. */
export function ownVariables(env: Env): ReadonlyMap<string, string> {
  const own = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || value === undefined || value === "" || FROM_ORCHESTRATOR.test(name)) continue;
    if (name === "NEWSREEL_PORT" && ADDRESS_OF_SERVICE.test(value)) continue;
    own.set(name, value);
  }
  return own;
}
