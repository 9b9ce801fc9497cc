import type { IncomingMessage } from "node:http";
import { raceAbort } from "../base/abort.ts";
import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { checkRow } from "../config/check.ts";
import { Mistakes } from "../config/mistakes.ts";
import { type ProviderConfig, SETTINGS } from "../config/settings.ts";
import { badRequest } from "./errors.ts";

const MAX_BODY = 64 * 1024;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json$/;

/**
 * The provider that a request's body describes, with the keys and the rules of the configuration. Throws UNSUPPORTED_MEDIA,
 * BODY_TOO_LARGE, or BAD_REQUEST that names every mistake and no secret.
 */
export async function readProvider(req: IncomingMessage, cancel: Cancel): Promise<ProviderConfig> {
  const type = (req.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (!JSON_TYPE.test(type)) {
    throw new RequestError("UNSUPPORTED_MEDIA", "the provider is not sent as JSON", {
      hint: 'send it with "Content-Type: application/json"',
    });
  }
  return checkedProvider(parse(await raceAbort(readBody(req), cancel.signal)));
}

/** Leaving the loop leaves the socket open: an answer is still to be sent over it. */
async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of req.iterator({ destroyOnReturn: false })) {
    length += (chunk as Buffer).length;
    if (length > MAX_BODY) throw new RequestError("BODY_TOO_LARGE", "a provider is described in less than 64 KiB");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The parser's own words would quote what stands around the mistake: perhaps the password. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest(
      "the body is not JSON",
      'it looks like {"host":"news.example.com","username":"you","password":"..."}',
    );
  }
}

function checkedProvider(raw: unknown): ProviderConfig {
  const mistakes = new Complaints();
  const given = { raw: [raw], path: [], place: () => "", mistakes };
  const [provider] = checkRow(SETTINGS.providers, given) as readonly ProviderConfig[];
  if (mistakes.sentences.length > 0 || provider === undefined) {
    throw badRequest(mistakes.sentences.join("; "), "the keys are those of `providers` in newsreel.yaml");
  }
  return { ...provider, name: provider.name || provider.host };
}

/** Mistakes of a section that stands alone, not in a list. */
class Complaints extends Mistakes {
  readonly sentences: string[] = [];

  override add(_place: string, sentence: string): void {
    this.sentences.push(sentence.replace(/^\[0\][.:]? ?/, ""));
  }
}
