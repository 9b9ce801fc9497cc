import { VERBS, type Verb } from "./behaviour.ts";

/** What a news server has seen since it started or since the last reset. */
export interface Counters {
  /** Commands per verb; GREETING counts connections that were greeted. */
  readonly commands: Readonly<Record<Verb, number>>;
  /** BODY and ARTICLE commands per message-id. */
  readonly bodies: ReadonlyMap<string, number>;
  /** STAT commands per message-id. */
  readonly stats: ReadonlyMap<string, number>;
  /** BODY and ARTICLE commands that came and whose last byte is not handed to the kernel yet. */
  readonly bodiesInFlight: number;
  readonly bodiesInFlightMax: number;
  /** Replies to BODY and ARTICLE that had begun when the connection ended. */
  readonly bodiesCut: number;
  /** Connections accepted, refused ones included. */
  readonly connectionsEver: number;
  /** Open connections, without those refused at the greeting. */
  readonly connectionsNow: number;
  readonly connectionsMax: number;
  /** Connections and logins refused for their number. */
  readonly connectionsRefused: number;
  readonly loginsFailed: number;
  /** Bytes that the kernel took, before TLS. */
  readonly bytesSent: number;
  /** Those of `bytesSent` that left after the client had closed its side. */
  readonly bytesAfterClientClosed: number;
  /** Those of `bytesSent` that belong to the replies counted by `bodiesCut`. */
  readonly bytesOfCutBodies: number;
  /** Back to zero; `bodiesInFlight` and `connectionsNow` stay true, and the maxima start from them. */
  reset(): void;
}

/** Enough for any test; a bound against clients that ask for ids without end. */
const MAX_IDS = 1_000_000;

/** The counters as the server writes them. */
export class Tally implements Counters {
  commands = noCommands();
  readonly bodies = new Map<string, number>();
  readonly stats = new Map<string, number>();
  bodiesInFlight = 0;
  bodiesInFlightMax = 0;
  bodiesCut = 0;
  connectionsEver = 0;
  connectionsNow = 0;
  connectionsMax = 0;
  connectionsRefused = 0;
  loginsFailed = 0;
  bytesSent = 0;
  bytesAfterClientClosed = 0;
  bytesOfCutBodies = 0;

  connectionOpened(): void {
    this.connectionsNow += 1;
    this.connectionsMax = Math.max(this.connectionsMax, this.connectionsNow);
  }

  bodyStarted(): void {
    this.bodiesInFlight += 1;
    this.bodiesInFlightMax = Math.max(this.bodiesInFlightMax, this.bodiesInFlight);
  }

  asked(verb: Verb, id: string): void {
    if (verb === "STAT") increment(this.stats, id);
    else if (verb === "BODY" || verb === "ARTICLE") increment(this.bodies, id);
  }

  reset(): void {
    this.commands = noCommands();
    this.bodies.clear();
    this.stats.clear();
    this.bodiesInFlightMax = this.bodiesInFlight;
    this.bodiesCut = 0;
    this.connectionsEver = 0;
    this.connectionsMax = this.connectionsNow;
    this.connectionsRefused = 0;
    this.loginsFailed = 0;
    this.bytesSent = 0;
    this.bytesAfterClientClosed = 0;
    this.bytesOfCutBodies = 0;
  }
}

function noCommands(): Record<Verb, number> {
  return Object.fromEntries(VERBS.map((verb) => [verb, 0])) as Record<Verb, number>;
}

function increment(counts: Map<string, number>, id: string): void {
  const before = counts.get(id);
  if (before !== undefined || counts.size < MAX_IDS) counts.set(id, (before ?? 0) + 1);
}
