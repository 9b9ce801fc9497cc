import type { CategoryConfig } from "../config/settings.ts";
import { safeName } from "./safe-name.ts";

/** How releases of a category are imported: `categories` of the configuration. `folder` is a safe name, and never empty. */
export type CategoryRule = CategoryConfig;

export interface CategoryRules {
  /** The rule of a category: its own, or that of `*`, with its own name and folder. */
  of(category: string): CategoryRule;
  /** Categories that are there whether or not anything was imported into them, in the order of the configuration. */
  readonly names: readonly string[];
}

/** There even while nothing is configured. */
const USUAL = ["default", "movies", "tv", "music", "books"];

const PLAIN: Omit<CategoryRule, "name" | "folder"> = {
  priority: "normal",
  check: "sampled",
  leastPercent: 90,
  payload: "any",
  exclude: [],
  samples: "keep",
};

/** The rules that the configuration gives; of two for the same category the first one counts. */
export function categoryRules(configured: readonly CategoryConfig[]): CategoryRules {
  const others = configured.find(({ name }) => name === "*") ?? PLAIN;
  const listed = configured.filter(({ name }) => name !== "*");
  const own = new Map(listed.toReversed().map((rule) => [rule.name.normalize("NFC"), rule]));
  return {
    of(category) {
      const rule = own.get(category) ?? { ...others, name: category, folder: "" };
      return { ...rule, folder: safeName(rule.folder, category) };
    },
    names: [...new Set([...listed.map(({ name }) => name.normalize("NFC")), ...USUAL])],
  };
}
