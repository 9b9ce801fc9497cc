import { ArticleError } from "../base/errors.ts";
import type { Try } from "../nntp/fetch-trace.ts";
import { countOf } from "./release-draft.ts";

/** What is known of one article. unknown: somebody who may have it could not be asked. */
export type Answer = "present" | "missing" | "corrupt" | "unknown";

interface Lacks {
  missing: number;
  corrupt: number;
}

const HINT =
  "the post has been removed or has expired, or the providers never had all of it; try another release, or add a provider";

/** Adds up what became of the articles that were looked for. Silence is not absence: it never speaks against a post. */
export class CheckTally {
  readonly #counts: Record<Answer, number> = { present: 0, missing: 0, corrupt: 0, unknown: 0 };
  readonly #byProvider = new Map<string, Lacks>();

  /** `tries`: what each provider said of it. */
  add(answer: Answer, tries: readonly Try[] = []): void {
    this.#counts[answer] += 1;
    for (const provider of new Set(tries.map((said) => said.provider))) {
      const results = tries.filter((said) => said.provider === provider).map(({ result }) => result);
      if (results.includes("ok")) continue;
      const lacks = this.#byProvider.get(provider) ?? { missing: 0, corrupt: 0 };
      if (results.includes("corrupt")) lacks.corrupt += 1;
      else if (results.includes("missing")) lacks.missing += 1;
      this.#byProvider.set(provider, lacks);
    }
  }

  /** What was learned before, of which nobody kept who said it: what is missing is missing everywhere. */
  addKnown(answers: Iterable<Answer>): void {
    for (const answer of answers) {
      this.#counts[answer] += 1;
      if (answer === "present") continue;
      for (const lacks of this.#byProvider.values()) lacks[answer === "corrupt" ? "corrupt" : "missing"] += 1;
    }
  }

  get total(): number {
    return this.#counts.present + this.lost + this.#counts.unknown;
  }

  get lost(): number {
    return this.#counts.missing + this.#counts.corrupt;
  }

  get unknown(): number {
    return this.#counts.unknown;
  }

  /** Whether enough of them are there, whatever the unknown ones turn out to be. */
  isEnough(leastPercent: number): boolean {
    return this.#counts.present * 100 >= leastPercent * this.total;
  }

  /** Whether too few are there, even if all the unknown ones turn up. */
  isTooFew(leastPercent: number): boolean {
    return (this.total - this.lost) * 100 < leastPercent * this.total;
  }

  /** Why a post is given up, with numbers for each provider. */
  error(of: string): ArticleError {
    const { present, missing } = this.#counts;
    const percent = Math.floor((present * 100) / this.total);
    const providers = [...this.#byProvider].flatMap(([name, lacks]) => inWords(name, lacks));
    const who = providers.length === 0 ? "" : `: ${providers.join(", ")}`;
    const message = `${present} of ${countOf(this.total, "article")} ${of}${this.total === 1 ? "is" : "are"} there (${percent} %)${who}`;
    return new ArticleError(missing === 0 ? "ARTICLE_CORRUPT" : "ARTICLE_MISSING", message, { hint: HINT });
  }

  /** What a person should know of a post that is good enough; undefined when nothing is lost. */
  note(of: string): string | undefined {
    if (this.lost === 0) return undefined;
    const word = this.#counts.corrupt === 0 ? "missing" : this.#counts.missing === 0 ? "corrupt" : "missing or corrupt";
    return `${this.lost} of ${countOf(this.total, "article")} ${of}${this.lost === 1 ? "is" : "are"} ${word} on all providers`;
  }
}

function inWords(name: string, { missing, corrupt }: Lacks): readonly string[] {
  return [
    ...(missing > 0 ? [`${name} lacks ${missing}`] : []),
    ...(corrupt > 0 ? [`${name} has ${corrupt} of them corrupt`] : []),
  ];
}
