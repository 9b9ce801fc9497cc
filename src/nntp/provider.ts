import { setMaxListeners } from "node:events";
import tls from "node:tls";
import type { Clock } from "../base/clock.ts";
import { errorCode, ProviderError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { backOffMs } from "./back-off.ts";
import type { NntpConnection } from "./connection.ts";
import { ask, openConnection } from "./login.ts";
import type { ProviderOptions } from "./provider-options.ts";
import type { ProviderSnapshot } from "./snapshot.ts";
import { Standing } from "./standing.ts";

/** A silent connection is asked for the date this often, so that neither side nor a router forgets it. */
const KEEP_ALIVE_MS = 45_000;
/** A connection that nobody has used for so long is given back. */
const IDLE_CLOSE_MS = 120_000;
/** After "too many connections", one more is tried after so long. */
const CEILING_PROBE_MS = 30_000;
/** A back-off that ends within this time is waited for instead of being reported. */
const PATIENCE_MS = 3_000;
/** A rest that takes longer to read than it was thought to is dropped after all. */
const DRAIN_GRACE_MS = 200;
/** So long a server may take to notice that a connection of ours is gone; until then it counts it. */
const FAREWELL_MS = 50;
/** A first connection that takes longer than this may never come: whoever can go elsewhere does. */
const SLOW_OPENING_MS = 2_000;

const CLOSING = new ProviderError("PROVIDER_UNREACHABLE", "the connections to the providers are being closed");

/** One of a provider's connections and how it is used. */
export interface Line {
  readonly connection: NntpConnection;
  bodies: number;
  stats: number;
  /** Commands under way for any lane but the playhead's. */
  bulk: number;
  /** STATs under way for imports and health: together they use the connection once. */
  importStats: number;
  /** Bodies under way for imports and health. */
  importBodies: number;
  /** When a caller last had work on it, on the clock's scale. */
  usedAt: number;
}

interface ProviderContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** A connection was opened or closed, or a back-off began or ended: waiting requests should be looked at. */
  readonly onChange: () => void;
}

/**
 * One news-server account: its connections, its limit, its back-off and what was measured of it.
 * Opens nothing by itself; whoever has work calls `open`. Ends with `close`, which says QUIT everywhere.
 */
export class Provider {
  readonly options: ProviderOptions;
  readonly lines = new Set<Line>();
  readonly counts = { ok: 0, missing: 0, corrupt: 0, failed: 0 };
  readonly #context: ProviderContext;
  readonly #secure: tls.SecureContext | undefined;
  readonly standing = new Standing();
  readonly #shutdown = new AbortController();
  #bytes = 0;
  #opening = 0;
  /** Connections that we have hung up, and that the server may still count. */
  #leaving = 0;
  #ceiling: number;
  #ceilingProbeAt = Number.POSITIVE_INFINITY;
  #failures = 0;
  #lastError: ProviderError | undefined;
  #retryAt = 0;
  #retryTimer: Disposable | undefined;
  #hasEverOpened = false;
  /** Its first connection has not come for a while. */
  #isSlowToOpen = false;

  constructor(options: ProviderOptions, context: ProviderContext) {
    this.options = options;
    this.#context = context;
    this.#ceiling = options.connections;
    // A listener for each connection that is being opened is no leak.
    setMaxListeners(options.connections, this.#shutdown.signal);
    // One context for all connections saves a third of the handshake's CPU time.
    this.#secure = options.tls ? tls.createSecureContext() : undefined;
  }

  /** Whether nothing speaks against it: it answers, or has not been tried yet. */
  get isWell(): boolean {
    if (this.#shutdown.signal.aborted) return false;
    return this.lines.size > 0 || (this.#failures === 0 && !this.#isSlowToOpen);
  }

  /** Whether a request may be given to it now or within its patience. */
  get isUsable(): boolean {
    if (this.#shutdown.signal.aborted) return false;
    return this.lines.size > 0 || this.#retryAt - this.#context.clock.now() <= PATIENCE_MS;
  }

  /** Why it is not usable. */
  get trouble(): ProviderError {
    if (this.#shutdown.signal.aborted) return CLOSING;
    return (
      this.#lastError ?? new ProviderError("PROVIDER_UNREACHABLE", `${this.options.host} has not been reached yet`)
    );
  }

  /** Connections that could still be opened at this moment. After a failure one is tried before all are. */
  get openable(): number {
    if (this.#shutdown.signal.aborted || this.#context.clock.now() < this.#retryAt) return 0;
    const room = this.#ceiling - this.lines.size - this.#opening - this.#leaving;
    return this.#failures > 0 ? Math.min(room, 1 - this.#opening) : room;
  }

  /** Encoded bytes since the start. */
  get receivedBytes(): number {
    return this.#bytes;
  }

  get opening(): number {
    return this.#opening;
  }

  get ceiling(): number {
    return this.#ceiling;
  }

  /** Bodies under way on one connection at most. */
  get depth(): number {
    return this.options.pipeline === "auto" ? this.standing.depth : this.options.pipeline;
  }

  /** Connections with a command under way. */
  get busy(): number {
    let busy = 0;
    for (const { connection } of this.lines) if (connection.inFlight > 0) busy += 1;
    return busy;
  }

  /** If nobody wants what comes next on this line: reads it if that is cheaper than a new connection, else hangs up. */
  drainOrDrop(line: Line): void {
    const { connection } = line;
    if (!connection.isDraining || connection.isClosed) return;
    if (!connection.isWanted && !this.standing.isWorthReading(connection.unwantedBytes)) {
      this.drop(line);
      return;
    }
    this.#context.clock.after(DRAIN_GRACE_MS, () => {
      if (this.lines.has(line) && line.connection.isDraining) this.drop(line);
    });
  }

  /** Starts opening so many connections, as far as may be; none for a number below one. */
  open(count: number): void {
    for (let more = count; more > 0 && this.openable > 0; more -= 1) this.#openOne();
  }

  /** Starts opening one connection; `onChange` tells when it is there or has failed. */
  #openOne(): void {
    this.#opening += 1;
    const line: { current?: Line } = {};
    const events = {
      onClosed: (error: ProviderError) => {
        if (line.current !== undefined) this.#forget(line.current, error);
      },
      onRtt: (ms: number) => this.standing.noteRtt(ms),
      onRate: (bytesPerSecond: number) => this.standing.noteRate(bytesPerSecond),
      onReceived: (bytes: number) => {
        this.#bytes += bytes;
      },
      onUnwanted: () => {
        if (line.current !== undefined) this.drainOrDrop(line.current);
        this.#context.onChange();
      },
    };
    const { clock } = this.#context;
    const slowness = clock.after(SLOW_OPENING_MS, () => {
      this.#isSlowToOpen = this.lines.size === 0;
      this.#context.onChange();
    });
    openConnection(this.options, {
      clock,
      events,
      signal: this.#shutdown.signal,
      ...(this.#secure === undefined ? {} : { secure: this.#secure }),
    }).then(
      (connection) => {
        slowness[Symbol.dispose]();
        this.#opening -= 1;
        // Closing may have come between the login and this turn.
        if (this.#shutdown.signal.aborted) connection.close(CLOSING);
        if (connection.isClosed) {
          this.#context.onChange();
          return;
        }
        line.current = {
          connection,
          bodies: 0,
          stats: 0,
          bulk: 0,
          importStats: 0,
          importBodies: 0,
          usedAt: clock.now(),
        };
        this.lines.add(line.current);
        this.#recovered();
        this.#context.onChange();
      },
      (error) => {
        slowness[Symbol.dispose]();
        this.#opening -= 1;
        if (this.#shutdown.signal.aborted) this.#context.onChange();
        else this.failed(error as ProviderError);
      },
    );
  }

  /** A connection could not be opened, or an answer says that the account cannot be used: leave it alone for a while. */
  failed(error: ProviderError): void {
    const { clock, log, random } = this.#context;
    const others = [...this.lines].filter(({ connection }) => !connection.isClosed).length + this.#opening;
    if (errorCode(error) === "PROVIDER_BUSY" && others > 0) {
      // It works, only not with as many: settle for what there is and ask for one more later.
      this.#ceiling = others;
      this.#ceilingProbeAt = clock.now() + CEILING_PROBE_MS;
      log.warn(
        { provider: this.options.id, ceiling: this.#ceiling },
        "provider allows fewer connections than configured",
      );
      this.#context.onChange();
      return;
    }
    this.#lastError = error;
    if (clock.now() < this.#retryAt) {
      // Twenty connections that are lost together are one failure, not twenty in a row.
      this.#context.onChange();
      return;
    }
    this.#failures += 1;
    const wait = backOffMs(error, this.#failures, random);
    this.#retryAt = clock.now() + wait;
    this.#retryTimer?.[Symbol.dispose]();
    this.#retryTimer = clock.after(wait, () => {
      // Timers may fire a moment early; the back-off is over when its timer says so.
      this.#retryAt = 0;
      this.#context.onChange();
    });
    log.warn(
      { provider: this.options.id, code: error.code, reason: error.message, retryInMs: Math.round(wait) },
      "provider backs off",
    );
    this.#context.onChange();
  }

  /** Hangs up one connection on purpose; that says nothing against the provider. */
  drop(line: Line): void {
    this.#hangUp(line, new ProviderError("PROVIDER_UNREACHABLE", "connection dropped: nobody wants the rest"));
  }

  /** Nothing comes on this line while somebody waits for it, and there is somebody else to ask: its time is up early. */
  giveUp(line: Line): void {
    this.#hangUp(line, this.#stalled(line.connection.silentMs));
  }

  #hangUp(line: Line, reason: ProviderError): void {
    this.lines.delete(line);
    // First of all, since those whose commands are lost with it ask for another connection at once.
    this.#farewell();
    line.connection.destroy(reason);
    this.#context.onChange();
  }

  /** Its place is taken only when the server has noticed, or a strict one would count one connection too many. */
  #farewell(): void {
    this.#leaving += 1;
    this.#context.clock.after(Math.max(FAREWELL_MS, 2 * (this.standing.rttMs ?? 0)), () => {
      this.#leaving -= 1;
      this.#context.onChange();
    });
  }

  /** It was in trouble and nobody waits for it: tries one connection if its pause is over, so that it is known when it is back. */
  revive(): void {
    if (this.lines.size === 0 && this.#opening === 0) this.open(1);
  }

  /** Once a second while anything is open: stalled commands, idle connections, the ceiling. */
  tend(): void {
    const now = this.#context.clock.now();
    for (const line of this.lines) {
      const { connection } = line;
      const { silentMs } = connection;
      if (connection.inFlight > 0) {
        if (silentMs > this.options.timeoutMs) this.#hangUp(line, this.#stalled(silentMs));
      } else if (now - line.usedAt > IDLE_CLOSE_MS) {
        this.lines.delete(line);
        connection.close(new ProviderError("PROVIDER_UNREACHABLE", "connection closed after being idle"));
        this.#context.onChange();
      } else if (silentMs > KEEP_ALIVE_MS) {
        ask(connection, "DATE", "DATE").then(this.#context.onChange, () => {});
      }
    }
    if (now >= this.#ceilingProbeAt) {
      this.#ceiling = Math.min(this.options.connections, this.#ceiling + 1);
      this.#ceilingProbeAt =
        this.#ceiling < this.options.connections ? now + CEILING_PROBE_MS : Number.POSITIVE_INFINITY;
      this.#context.onChange();
    }
  }

  close(): void {
    this.#shutdown.abort(CLOSING);
    this.#retryTimer?.[Symbol.dispose]();
    for (const line of this.lines) {
      this.lines.delete(line);
      line.connection.close(CLOSING);
    }
  }

  snapshot(): ProviderSnapshot {
    const { clock } = this.#context;
    const { id, host, port, tls: isTls, tier, backup, connections } = this.options;
    const waitMs = this.#retryAt - clock.now();
    const isBackingOff = this.#failures > 0 && this.lines.size === 0;
    return {
      id,
      host,
      port,
      isTls,
      tier,
      isBackup: backup,
      state: isBackingOff ? "backing-off" : this.#hasEverOpened ? "ready" : "idle",
      reason: isBackingOff ? this.#lastError?.message : undefined,
      retryAt: isBackingOff ? clock.wall() + Math.max(0, waitMs) : undefined,
      connections: {
        open: this.lines.size,
        busy: this.busy,
        opening: this.#opening,
        limit: connections,
        ceiling: this.#ceiling,
      },
      commands: { ...this.counts },
      bytes: this.#bytes,
      rttMs: this.standing.rttMs,
      bytesPerSecond: this.standing.bytesPerSecond,
    };
  }

  #recovered(): void {
    if (this.#failures > 0) this.#context.log.info({ provider: this.options.id }, "provider is back");
    this.#failures = 0;
    this.#retryAt = 0;
    this.#isSlowToOpen = false;
    this.#lastError = undefined;
    this.#hasEverOpened = true;
  }

  #forget(line: Line, error: ProviderError): void {
    if (!this.lines.delete(line)) return;
    this.#context.log.debug({ provider: this.options.id, reason: error.message }, "connection closed");
    this.#context.onChange();
  }

  #stalled(ms: number): ProviderError {
    return new ProviderError("PROVIDER_TIMEOUT", `${this.options.host} made no progress for ${Math.round(ms)} ms`);
  }
}
