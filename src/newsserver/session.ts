import { type MessageId, parseMessageId } from "../base/message-id.ts";
import { articleReply } from "./article-replies.ts";
import type { ArticleStore } from "./article-store.ts";
import { type ArticleVerb, type Behaviour, faultOf, VERBS, type Verb } from "./behaviour.ts";
import type { ClientInput } from "./command-reader.ts";
import type { Tally } from "./counters.ts";
import { block, lastLine, line, type Reply } from "./reply.ts";

/** What AUTHINFO must say. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** What one session may use. */
export interface SessionContext {
  readonly store: ArticleStore;
  readonly tally: Tally;
  readonly behaviour: () => Behaviour;
  /** Undefined: nobody has to log in, and anybody may. */
  readonly credentials: Credentials | undefined;
  readonly allowsPosting: boolean;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** Queues a reply; `make` is called when its turn has come. */
  readonly reply: (command: { readonly verb: Verb; readonly id?: MessageId }, make: () => Reply) => void;
  /** What follows is a posted article. */
  readonly expectArticle: () => void;
  /** Takes one of the places for logins; false when there is none left. */
  readonly admitLogin: () => boolean;
}

/** Commands that need a login where there are credentials (RFC 4643 section 2.2); all others are free. */
const GUARDED: ReadonlySet<Verb> = new Set(["GROUP", "LIST", "STAT", "HEAD", "BODY", "ARTICLE", "POST"]);
const KNOWN: ReadonlySet<string> = new Set(VERBS.filter((verb) => verb !== "GREETING" && verb !== "OTHER"));

interface Answer {
  readonly make: () => Reply;
  readonly id?: MessageId;
}

/** The commands of one client, in order (RFC 3977, AUTHINFO by RFC 4643): decides replies, sends nothing itself. */
export class Session implements ClientInput {
  readonly #context: SessionContext;
  #hasLogin: boolean;
  #username: string | undefined;
  #hasGroup = false;

  constructor(context: SessionContext) {
    this.#context = context;
    this.#hasLogin = context.credentials === undefined;
  }

  /** The first line of all. */
  greeting(): Reply {
    this.#context.tally.commands.GREETING += 1;
    return line(this.#readyLine());
  }

  line(text: string): void {
    const [word = "", ...args] = text.trim().split(/[ \t]+/);
    const name = word.toUpperCase();
    const verb = KNOWN.has(name) ? (name as Verb) : "OTHER";
    this.#context.tally.commands[verb] += 1;
    const { id, make } = this.#answer(verb, args, text);
    this.#context.reply(id === undefined ? { verb } : { verb, id }, make);
  }

  overlongLine(): void {
    this.#context.tally.commands.OTHER += 1;
    this.#context.reply({ verb: "OTHER" }, () => line("501 line too long"));
  }

  article(wire: Buffer | undefined): void {
    const result = wire === undefined ? { refused: "the article is too large" } : this.#context.store.post(wire);
    const text = "id" in result ? `240 <${result.id}> article received` : `441 posting failed: ${result.refused}`;
    this.#context.reply({ verb: "POST" }, () => line(text));
  }

  #answer(verb: Verb, args: readonly string[], text: string): Answer {
    if (/[\0-\b\n-\u001f\u007f]/.test(text)) return say("501 control characters in a command");
    if (verb === "OTHER" || this.#context.behaviour().unsupported.includes(verb)) return say("500 unknown command");
    if (GUARDED.has(verb) && !this.#hasLogin) return say("480 authentication required");
    switch (verb) {
      case "STAT":
      case "HEAD":
      case "BODY":
      case "ARTICLE":
        return this.#article(verb, args);
      case "CAPABILITIES":
        return show("101 capabilities", this.#capabilities());
      case "MODE":
        return say(args[0]?.toUpperCase() === "READER" ? this.#readyLine() : "501 only MODE READER is known");
      case "AUTHINFO":
        return this.#authenticate(args[0]?.toUpperCase(), /^\s*\S+\s+\S+\s(.*)$/.exec(text)?.[1] ?? "");
      case "GROUP":
        return this.#group(args);
      case "LIST":
        return this.#list(args[0]?.toUpperCase() ?? "ACTIVE");
      case "POST":
        if (!this.#context.allowsPosting) return say("440 posting not permitted");
        this.#context.expectArticle();
        return say("340 send the article, end with a dot");
      case "DATE":
        return say(`111 ${new Date(this.#context.wall()).toISOString().replace(/\D/g, "").slice(0, 14)}`);
      case "HELP":
        return show("100 help follows", [...KNOWN]);
      case "QUIT":
        return { make: () => lastLine("205 goodbye") };
      default:
        return say("500 unknown command");
    }
  }

  #article(verb: ArticleVerb, [argument = "", ...more]: readonly string[]): Answer {
    if (argument === "" || /^\d+$/.test(argument)) {
      if (!this.#hasGroup) return say("412 no newsgroup selected");
      return say(argument === "" ? "420 no current article" : "423 no article of that number: ask by message-id");
    }
    const id = /^<.*>$/.test(argument) && more.length === 0 ? parseMessageId(argument) : undefined;
    if (id === undefined) return say("501 a message-id is needed");
    const { store, tally, behaviour } = this.#context;
    const timesAsked = tally.bodies.get(id) ?? 0;
    tally.asked(verb, id);
    const fault = faultOf(behaviour(), id, timesAsked);
    return { id, make: () => articleReply(store, { verb, id, fault }) };
  }

  #group([name = "", ...more]: readonly string[]): Answer {
    if (name === "" || more.length > 0) return say("501 one group name is needed");
    if (!this.#context.store.groups.has(name)) return say("411 no such newsgroup");
    this.#hasGroup = true;
    return say(`211 0 1 0 ${name}`);
  }

  #list(keyword: string): Answer {
    const groups = [...this.#context.store.groups];
    const flag = this.#context.allowsPosting ? "y" : "n";
    switch (keyword) {
      case "ACTIVE":
        return show(
          "215 list follows",
          groups.map((name) => `${name} 0 1 ${flag}`),
        );
      case "NEWSGROUPS":
        return show(
          "215 list follows",
          groups.map((name) => `${name}\t${name}`),
        );
      default:
        return say("503 that list is not kept");
    }
  }

  #authenticate(kind: string | undefined, value: string): Answer {
    const { behaviour, tally, credentials, admitLogin } = this.#context;
    if ((kind !== "USER" && kind !== "PASS") || value === "") return say("501 AUTHINFO USER or PASS");
    if (this.#hasLogin && credentials !== undefined) return say("502 already authenticated");
    if (kind === "USER") {
      this.#username = value;
      return say("381 password required");
    }
    if (this.#username === undefined) return say("482 USER comes first");
    const isRight =
      credentials === undefined || (this.#username === credentials.username && value === credentials.password);
    this.#username = undefined;
    const { loginRefusal, refusal } = behaviour();
    if (!isRight || loginRefusal !== undefined) {
      tally.loginsFailed += 1;
      return refuse(loginRefusal ?? "481 authentication failed");
    }
    if (!admitLogin()) return refuse(refusal);
    this.#hasLogin = true;
    return say("281 welcome");
  }

  #capabilities(): string[] {
    const { allowsPosting, credentials } = this.#context;
    const all = ["VERSION 2", "READER", "LIST ACTIVE NEWSGROUPS", "IMPLEMENTATION Newsreel"];
    if (allowsPosting) all.push("POST");
    if (credentials !== undefined && !this.#hasLogin) all.push("AUTHINFO USER");
    return all;
  }

  #readyLine(): string {
    return this.#context.allowsPosting ? "200 Newsreel ready, posting allowed" : "201 Newsreel ready, no posting";
  }
}

function say(text: string): Answer {
  return { make: () => line(text) };
}

function show(status: string, rest: readonly string[]): Answer {
  return { make: () => block(status, rest) };
}

/** 400 and 502 at the login are a server's last word; after others the client may try again. */
function refuse(text: string): Answer {
  return { make: () => (/^(400|502)/.test(text) ? lastLine(text) : line(text)) };
}
