import { ArticleError, type ProviderError } from "../base/errors.ts";
import type { MessageId } from "../base/message-id.ts";
import type { Provider } from "./provider.ts";

/** Wire calls that one request may cost one provider. */
export const MAX_ATTEMPTS = 2;

interface Testimony {
  attempts: number;
  isMissing: boolean;
  corrupt: Error | undefined;
  trouble: ProviderError | undefined;
}

/** What each provider said about one article, and what that adds up to. Silence is not absence. */
export class Verdicts {
  readonly #byProvider = new Map<Provider, Testimony>();
  #beingAsked: Map<Provider, Promise<unknown>> | undefined;

  /** Somebody else is asking this provider for the same article: until `answer` settles nobody need ask it as well. */
  asking(provider: Provider, answer: Promise<unknown>): void {
    this.#beingAsked ??= new Map();
    this.#beingAsked.set(provider, answer);
    const forget = () => this.#beingAsked?.delete(provider);
    answer.then(forget, forget);
  }

  /** Settles when nobody else asks the provider any more; undefined when nobody does. */
  answerOf(provider: Provider): Promise<unknown> | undefined {
    return this.#beingAsked?.get(provider);
  }

  attempts(provider: Provider): number {
    return this.#byProvider.get(provider)?.attempts ?? 0;
  }

  /** Nothing more is to be learned there in this round: it said no, was asked often enough, or holds a corrupt copy (asked again in round 2). */
  isDone(provider: Provider, round: 1 | 2): boolean {
    const record = this.#byProvider.get(provider);
    if (record === undefined) return round === 2;
    if (record.isMissing || record.attempts >= MAX_ATTEMPTS) return true;
    return round === 1 ? record.corrupt !== undefined : record.corrupt === undefined;
  }

  /** Whether one more command may be sent there while one is under way. */
  mayAskBeside(provider: Provider): boolean {
    return this.attempts(provider) + 1 < MAX_ATTEMPTS;
  }

  missing(provider: Provider): void {
    const record = this.#record(provider);
    record.attempts += 1;
    record.isMissing = true;
  }

  corrupt(provider: Provider, error: Error): void {
    const record = this.#record(provider);
    record.attempts += 1;
    record.corrupt = error;
  }

  failed(provider: Provider, error: ProviderError): void {
    const record = this.#record(provider);
    record.attempts += 1;
    record.trouble = error;
  }

  /** The provider could not be asked at all. */
  unavailable(provider: Provider): void {
    const record = this.#record(provider);
    record.attempts = MAX_ATTEMPTS;
    record.trouble = provider.trouble;
  }

  /** True when every one of these providers said that it does not have the article. */
  isMissingAt(providers: readonly Provider[]): boolean {
    return providers.every((provider) => this.#byProvider.get(provider)?.isMissing === true);
  }

  /** The error to end with: provider trouble leaves the matter open, so it outweighs what the others said. */
  error(id: MessageId, providers: readonly Provider[]): Error {
    const records = [...this.#byProvider.values()];
    const trouble = records.find((record) => !record.isMissing && record.corrupt === undefined)?.trouble;
    if (trouble !== undefined) return trouble;
    const corrupt = records.find((record) => record.corrupt !== undefined)?.corrupt;
    if (corrupt !== undefined) {
      return new ArticleError("ARTICLE_CORRUPT", `article ${id} is corrupt: ${corrupt.message}`, {
        cause: corrupt,
        hint: "no provider has a sound copy of this article; another provider may have one",
      });
    }
    const where = providers.length === 1 ? "at the provider" : `at all ${providers.length} providers`;
    return new ArticleError("ARTICLE_MISSING", `article ${id} is missing ${where}`, {
      hint: "the post has been removed or has expired; another provider may still have it",
    });
  }

  #record(provider: Provider): Testimony {
    let record = this.#byProvider.get(provider);
    if (record === undefined) {
      record = { attempts: 0, isMissing: false, corrupt: undefined, trouble: undefined };
      this.#byProvider.set(provider, record);
    }
    return record;
  }
}
