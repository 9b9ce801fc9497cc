import type { MessageId } from "../base/message-id.ts";

/** An article as it goes over the wire. The buffers are shared and read-only. */
export interface Article {
  readonly id: MessageId;
  /** Header lines, each with its CRLF; without the blank line. */
  readonly head: Buffer;
  /** The whole reply to BODY: status line, dot-stuffed body, terminating line. One buffer, so that it goes out in one write. */
  readonly bodyReply: Buffer;
  /** Where the body starts in `bodyReply`. */
  readonly bodyStart: number;
}

/** Puts an article together; `stuffedBody` ends with the terminating line. All parts are copied. */
export function makeArticle(id: MessageId, head: Buffer, stuffedBody: Buffer): Article {
  const status = Buffer.from(`222 0 <${id}>\r\n`, "latin1");
  return { id, head: Buffer.from(head), bodyReply: Buffer.concat([status, stuffedBody]), bodyStart: status.length };
}

/** Memory that the article holds, in bytes. */
export function articleBytes(article: Article): number {
  return article.bodyReply.length + article.head.length;
}
