import type { CompletedFolder } from "../catalog/completed.ts";
import type { Config } from "../config/settings.ts";

/** Where clients find what is completed, on their own machine. */
export type CompletedPlace = Pick<Config["completed"], "style" | "mountPath" | "strmFolder" | "strmSeenAs">;

/** The folder that holds the categories' folders. */
export function completeDir({ style, mountPath, strmFolder, strmSeenAs }: CompletedPlace): string {
  if (style === "strm") return strmSeenAs === "" ? strmFolder : strmSeenAs;
  return joined(mountPath, ["completed"]);
}

/** The folder of one job, whose last segment is its name. */
export function storageOf(
  place: CompletedPlace,
  { category, name }: Pick<CompletedFolder, "category" | "name">,
): string {
  return joined(completeDir(place), [category, name]);
}

/** As the clients' system writes it, which is Windows where the root begins with a drive or a share. */
function joined(root: string, names: readonly string[]): string {
  const separator = /^(?:[A-Za-z]:|\\\\)/.test(root) ? "\\" : "/";
  return [root.replace(/[\\/]$/, ""), ...names].join(separator);
}
