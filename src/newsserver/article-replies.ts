import type { MessageId } from "../base/message-id.ts";
import type { Article } from "./article.ts";
import type { ArticleStore } from "./article-store.ts";
import type { ArticleFault, ArticleVerb } from "./behaviour.ts";
import { line, type Reply, silence } from "./reply.ts";
import { spoil } from "./spoil.ts";

const CODES: Readonly<Record<ArticleVerb, number>> = { ARTICLE: 220, HEAD: 221, BODY: 222, STAT: 223 };
const LONG_STATUS_BYTES = 10 * 1024;
const CRLF = Buffer.from("\r\n");
const END = Buffer.from(".\r\n");
const ENDINGS: Readonly<Partial<Record<ArticleFault, Reply["ending"]>>> = { stall: "hang", closeMidBody: "close" };

interface Asked {
  readonly verb: ArticleVerb;
  readonly id: MessageId;
  readonly fault: ArticleFault | undefined;
}

/** The reply to a command for an article by message-id (RFC 3977 section 6.2), with its fault if it has one. */
export function articleReply(store: ArticleStore, { verb, id, fault }: Asked): Reply {
  if (fault === "closeInsteadOfReply") return silence("close");
  if (fault === "hangInsteadOfReply") return silence("hang");
  if (fault === "garbageStatus") return line("\u0001?!# not a status line");
  if (fault === "cancelled") return line(`451 0 <${id}> cancelled`);
  if (fault === "missing" || (fault === "bodyMissing" && verb !== "STAT")) return noSuchArticle(id);
  if (fault === "statUnsupported" && verb === "STAT") return line("500 what?");
  if (verb === "STAT") return store.has(id) ? line(statusLine(CODES.STAT, id, fault)) : noSuchArticle(id);
  const article = store.find(id);
  if (article === undefined) return noSuchArticle(id);
  if (verb === "BODY" && fault === undefined) {
    return { chunks: [article.bodyReply], bodyStart: article.bodyStart, ending: "goOn" };
  }
  if (verb === "HEAD" || fault === "headInsteadOfBody") {
    const status = Buffer.from(`${statusLine(CODES.HEAD, id, fault)}\r\n`);
    return withBody([status], Buffer.concat([article.head, END]), "goOn");
  }
  const before: Buffer[] = [Buffer.from(`${statusLine(CODES[verb], id, fault)}\r\n`)];
  if (verb === "ARTICLE") before.push(article.head, CRLF);
  return withBody(before, bodyOf(article, fault), (fault && ENDINGS[fault]) ?? "goOn");
}

function noSuchArticle(id: MessageId): Reply {
  return line(`430 no such article <${id}>`);
}

function withBody(before: readonly Buffer[], body: Buffer, ending: Reply["ending"]): Reply {
  const bodyStart = before.reduce((sum, { length }) => sum + length, 0);
  return { chunks: [...before, body], bodyStart, ending };
}

function statusLine(code: number, id: MessageId, fault: ArticleFault | undefined): string {
  const status = `${code}${fault === "commaInStatus" ? "," : ""} 0 <${id}>`;
  return fault === "longStatus" ? `${status} ${"x".repeat(LONG_STATUS_BYTES)}` : status;
}

function bodyOf({ bodyReply, bodyStart }: Article, fault: ArticleFault | undefined): Buffer {
  const body = bodyReply.subarray(bodyStart);
  switch (fault) {
    case "stall":
    case "closeMidBody":
      return body.subarray(0, Math.floor(body.length / 2));
    case "corrupt":
    case "truncate":
    case "overlong":
    case "wrongBegin":
      return spoil(body, fault);
    default:
      return body;
  }
}
