/** A JSON Schema, or another object of an OpenAPI document. */
export type Schema = Readonly<Record<string, unknown>>;

export const text: Schema = { type: "string" };
export const whole: Schema = { type: "integer" };
export const fraction: Schema = { type: "number" };
export const flag: Schema = { type: "boolean" };
export const instant: Schema = { type: "integer", description: "milliseconds since 1970" };

/** The same, or null. */
export function orNull(schema: Schema): Schema {
  return { ...schema, type: [schema["type"], "null"] };
}

/** An array of them. */
export function list(items: Schema): Schema {
  return { type: "array", items };
}

/** All properties are always there; one that has nothing to say is null. */
export function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", properties, required: Object.keys(properties) };
}

/** The one of `schemas` that has this name. */
export function named(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

const appPassword = {
  id: whole,
  name: { ...text, description: "of the device" },
  mayWrite: flag,
  createdAt: instant,
  lastUsedAt: { ...orNull(instant), description: "to within a minute" },
};

/** What a refusal says. */
export const refusal = object({ code: text, message: text, hint: orNull(text) });

/** What the calls answer, by name; `named` refers to them. */
export const schemas: Readonly<Record<string, Schema>> = {
  Error: object({ error: refusal }),
  Library: object({
    path: text,
    entries: list(
      object({
        id: whole,
        kind: { type: "string", enum: ["folder", "file"] },
        name: text,
        path: { ...text, description: "under /dav/library, not percent-encoded" },
        size: whole,
        modifiedAt: instant,
      }),
    ),
    next: orNull(text),
  }),
  Damage: object({
    file: object({ id: whole, path: { ...text, description: "under /dav/library, not percent-encoded" }, size: whole }),
    policy: { type: "string", enum: ["fail", "fill"] },
    holes: list(
      object({
        start: whole,
        end: { ...whole, description: "the first byte after the hole" },
        messageId: { ...orNull(text), description: "null where the NZB names no article" },
        kind: { type: "string", enum: ["missing", "corrupt"] },
        since: instant,
        lastSeen: instant,
      }),
    ),
    bytes: whole,
    share: { type: "number", minimum: 0, maximum: 1 },
  }),
  Trash: object({
    items: list(
      object({
        id: whole,
        kind: { type: "string", enum: ["folder", "file"] },
        path: { ...text, description: "where it stood, under /dav/library, not percent-encoded" },
        size: { ...whole, description: "0 for a folder" },
        removedAt: instant,
      }),
    ),
    next: orNull(text),
  }),
  Restored: object({
    id: whole,
    path: { ...text, description: "where it stands now, under /dav/library, not percent-encoded" },
  }),
  Purged: object({ id: whole }),
  AppPassword: object(appPassword),
  AppPasswords: object({ appPasswords: list(named("AppPassword")) }),
  NewAppPassword: object({
    ...appPassword,
    user: { ...text, description: "the name to log in with" },
    password: { ...text, description: "shown here and never again" },
  }),
  Streams: object({
    streams: list(named("Stream")),
    recent: { ...list(named("Stream")), description: "ended within the last ten minutes, the latest one first" },
  }),
  Stream: object({
    path: text,
    client: text,
    userAgent: text,
    class: { type: "string", enum: ["play", "scan", "download"] },
    startedAt: instant,
    endedAt: orNull(instant),
    requests: whole,
    openRequests: whole,
    failures: whole,
    position: whole,
    size: whole,
    bytes: whole,
    bytesPerSecond: { ...whole, description: "over the last ten seconds" },
    lastByteAt: instant,
    firstByteMs: { ...orNull(fraction), description: "of the latest request" },
    paused: { ...flag, description: "connected, and takes nothing" },
    phases: {
      ...object({
        permit: fraction,
        connection: fraction,
        firstByte: fraction,
        body: fraction,
        decode: fraction,
        send: fraction,
      }),
      description:
        "where the time went, in milliseconds: waiting for memory, a connection, the status line, the bytes; " +
        "decoding is a part of these; send: bytes were with the client",
    },
    stalls: object({
      count: whole,
      totalMs: fraction,
      last: list(object({ at: instant, position: whole, durationMs: fraction, cause: text })),
    }),
  }),
  Providers: object({
    providers: list(
      object({
        id: text,
        host: text,
        port: whole,
        isTls: flag,
        tier: whole,
        isBackup: flag,
        state: { type: "string", enum: ["idle", "ready", "backing-off"] },
        reason: orNull(text),
        retryAt: orNull(instant),
        connections: object({ open: whole, busy: whole, opening: whole, limit: whole, ceiling: whole }),
        commands: object({ ok: whole, missing: whole, corrupt: whole, failed: whole }),
        bytes: whole,
        rttMs: orNull(fraction),
        bytesPerSecond: orNull(fraction),
      }),
    ),
  }),
  SpeedReport: object({
    kind: { type: "string", enum: ["report"] },
    provider: text,
    ended: { type: "string", enum: ["complete", "volume", "time", "playback", "library", "provider"] },
    roundTripMs: orNull(fraction),
    steps: list(
      object({
        connections: whole,
        depth: { ...whole, description: "articles under way on each connection" },
        bytesPerSecond: whole,
        firstByteMs: { ...orNull(fraction), description: "median" },
        articles: whole,
        missing: whole,
        corrupt: whole,
        failed: whole,
      }),
    ),
    connections: { ...whole, description: "beyond these nothing is gained" },
    depth: whole,
    bytesPerSecond: whole,
    words: text,
    notes: { ...list(text), description: "why it ended early, and what makes the figures doubtful" },
    usedBytes: { ...whole, description: "what it has cost, roughly" },
    streams: { ...whole, description: "that were active meanwhile" },
    imports: whole,
  }),
  Cache: object({
    hits: whole,
    joins: whole,
    misses: whole,
    evictions: whole,
    flights: whole,
    entries: whole,
    allocatedBytes: whole,
    pinnedSlots: whole,
    budgetBytes: whole,
  }),
  Readiness: {
    type: "object",
    required: ["status"],
    properties: {
      status: { type: "string", enum: ["ready", "not ready"] },
      checks: {
        description: "only for those who are authorized",
        ...object({ catalog: named("Check"), providers: named("Check"), migrations: named("Check") }),
      },
    },
  },
  Check: object({ ok: flag, words: text }),
};
