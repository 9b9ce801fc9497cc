import type { Socket } from "node:net";

interface Line {
  tail: Promise<void>;
  length: number;
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
      line = { tail: Promise.resolve(), length: 0 };
      lines.set(socket, line);
    }
    if (line.length > requestsAhead) {
      socket.destroy();
      return Promise.resolve();
    }
    const joined = line;
    joined.length += 1;
    const served = joined.length === 1 ? work() : joined.tail.then(work);
    joined.tail = served.then(() => {
      joined.length -= 1;
    });
    return joined.tail;
  };
}
