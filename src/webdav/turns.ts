import type { Socket } from "node:net";

interface Line {
  tail: Promise<void>;
  length: number;
  /** Whoever was first has been served. */
  readonly advance: () => void;
}

/**
 * Serves the requests that a client sent ahead on one connection one after the other, so that only the one being answered opens a
 * reader. A client that sends more than `requestsAhead` is cut off. `work` must not reject.
 */
export function createTurns(requestsAhead: number): (socket: Socket, work: () => Promise<void>) => Promise<void> {
  const lines = new WeakMap<Socket, Line>();
  return (socket, work) => {
    let line = lines.get(socket);
    if (line === undefined) {
      line = createLine();
      lines.set(socket, line);
    }
    if (line.length > requestsAhead) {
      socket.destroy();
      return Promise.resolve();
    }
    line.length += 1;
    const served = line.length === 1 ? work() : line.tail.then(work);
    line.tail = served.then(line.advance);
    return line.tail;
  };
}

function createLine(): Line {
  const line = {
    tail: Promise.resolve(),
    length: 0,
    advance: () => {
      line.length -= 1;
    },
  };
  return line;
}
