import type { Catalog } from "../catalog/catalog.ts";
import type { CategoryRules } from "../import/category-rules.ts";
import { DEFAULT_CATEGORY } from "../import/wish.ts";

/** What SABnzbd calls the category of whatever has none. */
const ANY = "*";
const PAGE = 200;
const MAX_FOLDERS = 1_000;

export interface CategoryDeps {
  readonly catalog: Pick<Catalog, "list">;
  readonly rules: CategoryRules;
}

/** As clients know a job's category: the default one is `*`, which is what a client without a category looks for. */
export function shownCategory(category: string): string {
  return category === DEFAULT_CATEGORY ? ANY : category;
}

/** As the house knows it; empty for the default one. */
export function wantedCategory(shown: string): string {
  return shown === ANY || /^(?:none|default)$/i.test(shown) ? "" : shown;
}

/** The categories that jobs are looked for in; undefined for all. */
export function categoryFilter(shown: readonly string[]): readonly string[] | undefined {
  return shown.length === 0 ? undefined : shown.map((name) => wantedCategory(name) || DEFAULT_CATEGORY);
}

/** All there are, `*` first: those of the configuration, then those that have come into the library otherwise. */
export function categoryNames({ catalog, rules }: CategoryDeps): readonly string[] {
  const known = new Set(rules.names.map((name) => rules.of(name).folder));
  const found: string[] = [];
  for (let after: string | undefined; found.length < MAX_FOLDERS; ) {
    const page = catalog.list("", after, PAGE);
    found.push(...page.flatMap(({ kind, name }) => (kind === "folder" && !known.has(name) ? [name] : [])));
    after = page.at(-1)?.name;
    if (page.length < PAGE) break;
  }
  return [ANY, ...[...rules.names, ...found].filter((name) => name !== DEFAULT_CATEGORY && name !== ANY)];
}
