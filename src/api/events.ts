/**
 * What happens, as server-sent events (HTML, section 9.2). While anybody listens, one look a second finds out what has changed; nothing is
 * done without listeners. Disposing says goodbye to all of them and lets nobody in any more.
 */

import type { ServerResponse } from "node:http";
import type { Clock } from "../base/clock.ts";
import { errorMessage, RequestError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Job } from "../catalog/jobs.ts";
import { publicAdmissionState } from "./admission.ts";
import { importSummary } from "./import-view.ts";
import { type Live, publicStream } from "./live.ts";
import { type QueueDeps, queueState } from "./queue.ts";
import { ALWAYS } from "./reply.ts";

const LOOK_MS = 1_000;
/** After so long with nothing to say something is said all the same, so that proxies keep the connection. */
const HEARTBEAT_MS = 15_000;
/** Imports told of in one look; the others are told of in the next one. */
const MOST_IMPORTS = 200;
const MOST_LISTENERS = 20;
/** A listener that takes nothing is dropped when so much waits for it. */
const MOST_WAITING_BYTES = 1024 * 1024;

export interface EventFeedOptions extends QueueDeps, Pick<Live, "streams"> {
  readonly clock: Clock;
  readonly log: Logger;
}

/** Everybody who listens, and what they were told last. */
export class EventFeed implements Disposable {
  readonly #options: EventFeedOptions;
  readonly #listeners = new Set<ServerResponse>();
  /** The latest text of each event that describes the present as a whole. */
  readonly #told = new Map<string, string>();
  #looking: Disposable | undefined;
  #mark = { updatedAt: 0, id: "" };
  #lastSaidAt = 0;
  #isClosed = false;

  constructor(options: EventFeedOptions) {
    this.#options = options;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Answers with events until the client leaves, the present first. Throws NOT_READY when there are too many already. */
  listen(res: ServerResponse): void {
    if (this.#isClosed) throw new RequestError("NOT_READY", "the server is stopping");
    if (this.#listeners.size >= MOST_LISTENERS) {
      throw new RequestError("NOT_READY", `${MOST_LISTENERS} clients listen already`, { hint: "close one of them" });
    }
    const present = this.#present();
    res.writeHead(200, {
      ...ALWAYS,
      "Content-Type": "text/event-stream; charset=utf-8",
      // nginx would hold events back until its buffer is full.
      "X-Accel-Buffering": "no",
    });
    if (res.req.method === "HEAD") {
      res.end();
      return;
    }
    if (this.#looking === undefined) this.#begin(present);
    res.write(`retry: 3000\n\n${[...present].map(([name, text]) => eventText(name, text)).join("")}`);
    this.#listeners.add(res);
    res.once("close", () => {
      this.#listeners.delete(res);
      if (this.#listeners.size === 0) this.#end();
    });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#end();
    for (const res of this.#listeners) res.end();
    this.#listeners.clear();
  }

  #begin(present: ReadonlyMap<string, string>): void {
    const { clock } = this.#options;
    for (const [name, text] of present) this.#told.set(name, text);
    this.#mark = { updatedAt: Math.round(clock.wall()), id: "" };
    this.#lastSaidAt = clock.now();
    this.#looking = clock.every(LOOK_MS, () => this.#look());
  }

  #end(): void {
    this.#looking?.[Symbol.dispose]();
    this.#looking = undefined;
    this.#told.clear();
  }

  #look(): void {
    const { clock, log } = this.#options;
    try {
      for (const job of this.#changedImports()) this.#say("import", JSON.stringify(importSummary(job)));
      for (const [name, text] of this.#present()) {
        if (this.#told.get(name) === text) continue;
        this.#told.set(name, text);
        this.#say(name, text);
      }
    } catch (error) {
      log.warn({ error: errorMessage(error) }, "cannot see what has changed");
    }
    if (clock.now() - this.#lastSaidAt >= HEARTBEAT_MS) this.#send(": nothing new\n\n");
  }

  /** What one event each describes as a whole. */
  #present(): ReadonlyMap<string, string> {
    const { admission, streams } = this.#options;
    return new Map([
      ["queue", JSON.stringify(queueState(this.#options))],
      ["admission", JSON.stringify(publicAdmissionState(admission.state))],
      ["streams", JSON.stringify({ streams: streams().map(publicStream) })],
    ]);
  }

  /** Those of this very millisecond may change once more within it, and are left to the next look. */
  #changedImports(): readonly Job[] {
    const { catalog, clock } = this.#options;
    const before = Math.round(clock.wall());
    const jobs = catalog.jobs.changed(this.#mark, { before, limit: MOST_IMPORTS });
    const last = jobs.at(-1);
    if (last !== undefined && jobs.length === MOST_IMPORTS) this.#mark = { updatedAt: last.updatedAt, id: last.id };
    else this.#mark = { updatedAt: before, id: "" };
    return jobs;
  }

  #say(name: string, text: string): void {
    this.#send(eventText(name, text));
  }

  #send(text: string): void {
    this.#lastSaidAt = this.#options.clock.now();
    for (const res of this.#listeners) {
      if (res.writableLength > MOST_WAITING_BYTES) res.destroy();
      else res.write(text);
    }
  }
}

/** JSON has no line ends of its own, so one line of data holds it. */
function eventText(name: string, text: string): string {
  return `event: ${name}\ndata: ${text}\n\n`;
}
