import { RequestError } from "../base/errors.ts";
import type { JobWish } from "../catalog/jobs.ts";
import { parseReleaseName } from "../nzb/release-name.ts";
import type { CategoryRules } from "./category-rules.ts";
import type { ImportWish } from "./intake.ts";
import { safeName } from "./safe-name.ts";
import { isWebAddress } from "./url-address.ts";

/** Of imports that ask for none. */
export const DEFAULT_CATEGORY = "default";
const MAX_NAME = 1_000;
const MAX_URL = 8_192;

/** What a request asked for, checked. */
export interface CheckedWish extends Omit<JobWish, "name"> {
  readonly priority: NonNullable<JobWish["priority"]>;
  /** As asked for; not made safe. */
  readonly name: string | undefined;
}

/** Throws BAD_REQUEST for a category that is no folder name, or a name that cannot name a release. */
export function checkedWish(wish: ImportWish, rules: CategoryRules): CheckedWish {
  const category = checkedCategory(wish.category);
  const chosen = chosenName(wish.name);
  return {
    name: chosen.name,
    category,
    priority: wish.priority ?? rules.of(category).priority,
    isPaused: wish.isPaused ?? false,
    passwords: [...(wish.passwords ?? []), ...chosen.passwords],
  };
}

/** A name that somebody chose, and the password that it may hold. Throws BAD_REQUEST for one that cannot name a release. */
export function chosenName(name: string | undefined): {
  readonly name: string | undefined;
  readonly passwords: readonly string[];
} {
  const asked = checkedName(name);
  // A slash in it is more likely a part of it than the start of a password.
  return asked?.includes("{{") ? parseReleaseName(asked) : { name: asked, passwords: [] };
}

/** The address in its normal form. Throws BAD_REQUEST for what is no http or https URL; the message does not hold it. */
export function checkedUrl(url: string): string {
  const parsed = url.length <= MAX_URL && URL.canParse(url.trim()) ? new URL(url.trim()) : undefined;
  if (parsed !== undefined && isWebAddress(parsed)) return parsed.href;
  throw new RequestError("BAD_REQUEST", "this is no address that an NZB can be fetched from", {
    hint: `use one that begins with http:// or https:// and has at most ${MAX_URL} characters`,
  });
}

/** The category that a stranger's words stand for (`TV > HD`, `Movies`), if it is a known one. */
export function knownCategory(words: string, rules: CategoryRules): string | undefined {
  const wanted = [words, words.split(/[>:/]/)[0] as string].map((text) => text.trim().normalize("NFC").toLowerCase());
  return rules.names.find((name) => wanted.includes(name.toLowerCase()));
}

/** The category's name in its normal form, the usual one for an empty name. Throws BAD_REQUEST for what is no folder name. */
export function checkedCategory(category: string): string {
  const wanted = category.normalize("NFC");
  if (wanted === "") return DEFAULT_CATEGORY;
  if (safeName(wanted, "") === wanted) return wanted;
  throw new RequestError("BAD_REQUEST", `the category ${JSON.stringify(category.slice(0, 80))} is no folder name`, {
    hint: 'use one name without slashes and without any of \\ : * ? " < > |',
  });
}

function checkedName(name: string | undefined): string | undefined {
  if (name === undefined || name.trim() === "") return undefined;
  if (name.length <= MAX_NAME && safeName(name, "") !== "") return name;
  throw new RequestError("BAD_REQUEST", `the name ${JSON.stringify(name.slice(0, 80))} cannot name a release`, {
    hint: `use at most ${MAX_NAME} characters, at least one of them a letter or digit`,
  });
}
