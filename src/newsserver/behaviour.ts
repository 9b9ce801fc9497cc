import type { MessageId } from "../base/message-id.ts";
import { mix32 } from "./content.ts";

/** Every command the server knows; "OTHER" stands for all that it does not, "GREETING" for the first line it says itself. */
export const VERBS = [
  "GREETING",
  "CAPABILITIES",
  "MODE",
  "AUTHINFO",
  "GROUP",
  "LIST",
  "STAT",
  "HEAD",
  "BODY",
  "ARTICLE",
  "POST",
  "DATE",
  "HELP",
  "QUIT",
  "OTHER",
] as const;
export type Verb = (typeof VERBS)[number];
/** What a reader asks of an article. */
export type ArticleVerb = Extract<Verb, "STAT" | "HEAD" | "BODY" | "ARTICLE">;

/** What can be wrong with one article. An intact reply is given to every command that the fault does not speak of. */
export const ARTICLE_FAULTS = [
  /** 430 to every command. */
  "missing",
  /** STAT says 223, everything else 430. */
  "bodyMissing",
  /** `451 0 <id> cancelled` to every command. */
  "cancelled",
  /** One data byte of the body is another one: the checksum does not fit. */
  "corrupt",
  /** Half of the body, then nothing more; the connection stays open. */
  "stall",
  /** Half of the data lines, then the terminating line: no `=yend`. */
  "truncate",
  /** Half of the body, then the connection ends. */
  "closeMidBody",
  /** Every data line twice: more bytes than the header and the trailer say. */
  "overlong",
  /** `=ypart begin` and `end` name the place of the following part; size and checksum are right. */
  "wrongBegin",
  /** BODY and ARTICLE are answered by 221 and the headers: the stream is out of step. */
  "headInsteadOfBody",
  /** `222, 0 <id>`: a comma after the code, all else intact. */
  "commaInStatus",
  /** One line without a code. */
  "garbageStatus",
  /** A status line of more than 10 KB, all else intact. */
  "longStatus",
  /** `500` to STAT. */
  "statUnsupported",
  /** No reply: the connection ends. */
  "closeInsteadOfReply",
  /** No reply: the connection stays open. */
  "hangInsteadOfReply",
] as const;
export type ArticleFault = (typeof ARTICLE_FAULTS)[number];

/** What can be wrong with every new connection: nothing is ever said, or it ends before anything is said. */
export type GreetingFault = "hangBeforeGreeting" | "closeBeforeGreeting";

/** Decides the fault of one article; `timesAsked` counts BODY and ARTICLE commands for it since the last reset of the counters, without this one. */
export type FaultChoice = (id: MessageId, timesAsked: number) => ArticleFault | undefined;

/** How the server behaves; everything may change while it runs and holds for the commands that arrive afterwards. */
export interface Behaviour {
  /** Every reply leaves so many milliseconds after its command came (pipelined ones overlap); the greeting after the handshakes' round trips. */
  readonly rttMs: number;
  /** Bytes per second of each connection, sent in slices of 5 ms; 0 for no limit. */
  readonly bytesPerSecond: number;
  /** More connections at once than this (or more logins at once, by `refuseAt`) are refused with `refusal`. */
  readonly maxConnections: number;
  readonly refusal: string;
  readonly refuseAt: "greeting" | "login";
  /** What every login is answered with, such as `481 Authentication failed`; undefined to look at the credentials. */
  readonly loginRefusal: string | undefined;
  /** A connection on which nothing happened for so long ends without a word; 0 for never. */
  readonly idleCloseMs: number;
  readonly greetingFault: GreetingFault | undefined;
  /** Commands answered by 500, as servers do that lack STAT, DATE or CAPABILITIES. */
  readonly unsupported: readonly Verb[];
  /** Shares of all message-ids (0 to 1) that have a fault, drawn from (seed, fault, id); the first in the order of ARTICLE_FAULTS wins. */
  readonly fractions: Readonly<Partial<Record<ArticleFault, number>>>;
  readonly seed: number;
  /** Faults of single articles; asked before the fractions, which it overrides where it names one. */
  readonly faults: ReadonlyMap<string, ArticleFault> | FaultChoice;
}

export const GOOD_BEHAVIOUR: Behaviour = {
  rttMs: 0,
  bytesPerSecond: 0,
  maxConnections: 1_000,
  refusal: "502 Too many connections",
  refuseAt: "greeting",
  loginRefusal: undefined,
  idleCloseMs: 0,
  greetingFault: undefined,
  unsupported: [],
  fractions: {},
  seed: 1,
  faults: new Map(),
};

/** The fault of an article under this behaviour; the same whenever it is asked, unless a FaultChoice says otherwise. */
export function faultOf(behaviour: Behaviour, id: MessageId, timesAsked: number): ArticleFault | undefined {
  const { faults, fractions, seed } = behaviour;
  const chosen = typeof faults === "function" ? faults(id, timesAsked) : faults.get(id);
  if (chosen !== undefined) return chosen;
  return ARTICLE_FAULTS.find((fault) => {
    const fraction = fractions[fault];
    return fraction !== undefined && draw(`${fault} ${id}`, seed) < fraction;
  });
}

/** A number in [0, 1) that depends on every character of the text and on the seed. */
function draw(text: string, seed: number): number {
  let hash = mix32(seed ^ 0x9e3779b1);
  for (let at = 0; at < text.length; at += 1) hash = mix32(hash ^ text.charCodeAt(at)) + at;
  return (mix32(hash) >>> 0) / 0x1_0000_0000;
}
