import type { IncomingMessage } from "node:http";
import type { Cancel } from "../base/seekable-file.ts";
import { checkRow } from "../config/check.ts";
import { Mistakes } from "../config/mistakes.ts";
import { type ProviderConfig, SETTINGS } from "../config/settings.ts";
import { badRequest } from "./errors.ts";
import { readJsonBody } from "./json-body.ts";

/**
 * The provider that a request's body describes, with the keys and the rules of the configuration. Throws UNSUPPORTED_MEDIA,
 * BODY_TOO_LARGE, or BAD_REQUEST that names every mistake and no secret.
 */
export async function readProvider(req: IncomingMessage, cancel: Cancel): Promise<ProviderConfig> {
  const example = '{"host":"news.example.com","username":"you","password":"..."}';
  return checkedProvider(await readJsonBody(req, { what: "the provider", example, ...cancel }));
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
