import type { MessageId } from "../base/message-id.ts";
import type { Verb } from "./behaviour.ts";

/** One command of a client, or the greeting of a new connection. */
export interface Command {
  readonly verb: Verb;
  readonly id?: MessageId;
  /** Serial number of the connection, from 1. */
  readonly connection: number;
}

/** A closed gate: replies that match it wait until it is opened. Disposing opens it. */
export interface Gate extends Disposable {
  /** How many replies wait now. */
  readonly waiting: number;
  /** Resolves when so many replies (1 by default) have arrived, ever. */
  arrived(count?: number): Promise<void>;
  /** Lets all go, and those to come. */
  open(): void;
}

/** Which replies a gate holds: all that name this message-id, or all commands of which this is true. */
export type GateMatch = string | ((command: Command) => boolean);

export interface GateOptions {
  /** Let so many bytes of the body go first (0: the status line only); without it nothing goes. Shorter replies are not held. */
  readonly afterBytes?: number;
}

/** A reply's way through one gate. */
export interface Passage extends Disposable {
  readonly afterBytes: number | undefined;
  /** Arrives at the gate; resolves when it opens. */
  arrive(): Promise<void>;
}

const NO_PASSAGES: readonly Passage[] = [];

/** All closed gates of a server. */
export class Gates {
  readonly #closed = new Set<{ readonly match: GateMatch; readonly passage: () => Passage }>();

  hold(match: GateMatch, { afterBytes }: GateOptions = {}): Gate {
    const { promise: opened, resolve: letGo } = deferred();
    const watchers = new Set<{ readonly count: number; readonly seen: () => void }>();
    let waiting = 0;
    let arrivals = 0;

    const arrive = () => {
      waiting += 1;
      arrivals += 1;
      for (const watcher of watchers) {
        if (arrivals < watcher.count) continue;
        watchers.delete(watcher);
        watcher.seen();
      }
    };
    const passage = (): Passage => {
      let isWaiting = false;
      return {
        afterBytes,
        arrive() {
          isWaiting = true;
          arrive();
          return opened;
        },
        [Symbol.dispose]() {
          if (isWaiting) waiting -= 1;
          isWaiting = false;
        },
      };
    };
    const entry = { match, passage };
    this.#closed.add(entry);
    const open = () => {
      this.#closed.delete(entry);
      letGo();
    };
    return {
      get waiting() {
        return waiting;
      },
      arrived(count = 1) {
        if (arrivals >= count) return Promise.resolve();
        const { promise, resolve } = deferred();
        watchers.add({ count, seen: resolve });
        return promise;
      },
      open,
      [Symbol.dispose]: open,
    };
  }

  /** One passage for every gate that holds this command. */
  passagesOf(command: Command): readonly Passage[] {
    if (this.#closed.size === 0) return NO_PASSAGES;
    return [...this.#closed].filter(({ match }) => matches(match, command)).map(({ passage }) => passage());
  }
}

function matches(match: GateMatch, command: Command): boolean {
  return typeof match === "string" ? command.id === match : match(command);
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
