import type { OutgoingHttpHeaders } from "node:http";
import type { Dav, Exchange } from "./exchange.ts";
import type { DavEntry } from "./tree.ts";

/** Members that are looked up at once. */
export const PAGE = 250;

export interface Document {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly before: string;
  readonly member: (entry: DavEntry) => string;
  readonly after: string;
}

/**
 * Sends a document with one piece for each member of the collection, a page at a time: the next page is looked up when the
 * client has taken the last one and everybody else had a turn. A short one goes out in one write with its length. Nothing
 * is sent before the first page is there; a failure after that destroys the socket.
 */
export async function sendMembers(dav: Dav, exchange: Exchange, document: Document): Promise<void> {
  const { tree } = dav;
  const { path, res, socket } = exchange;
  const { status, headers, before, after } = document;
  let page = tree.list(path, undefined, PAGE);
  const start = before + pieces(page, document);
  if (page.length < PAGE) {
    const whole = start + after;
    res.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(whole) }).end(whole);
    return;
  }
  res.writeHead(status, headers);
  await written(exchange, start);
  while (page.length === PAGE && !socket.destroyed) {
    page = tree.list(path, page.at(-1)?.name, PAGE);
    await written(exchange, pieces(page, document));
  }
  if (!socket.destroyed) res.end(after);
}

function pieces(page: readonly DavEntry[], { member }: Document): string {
  let text = "";
  for (const entry of page) text += member(entry);
  return text;
}

/**
 * Resolves when the client has taken the text, or is gone, and everybody else had a turn: on a fast connection `drain` comes within the
 * same turn of the event loop.
 */
export async function written({ res, socket }: Exchange, text: string): Promise<void> {
  if (!res.write(text) && !socket.destroyed) {
    await new Promise<void>((resolve) => {
      const done = () => {
        res.off("drain", done);
        socket.off("close", done);
        resolve();
      };
      res.once("drain", done);
      socket.once("close", done);
    });
  }
  await new Promise<void>((resolve) => setImmediate(resolve));
}
