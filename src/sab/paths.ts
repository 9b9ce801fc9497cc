import { resolve } from "node:path";
import type { CompletedFolder } from "../catalog/completed.ts";
import type { Config } from "../config/settings.ts";
import { clientPath } from "../mount/client-path.ts";

/** Where clients find what is completed, on their own machine. */
export type CompletedPlace = Pick<Config["completed"], "style" | "mountPath" | "strmFolder" | "strmSeenAs">;

/** The folder that holds the categories' folders; never a relative path, which clients would look for below one that is not there. */
export function completeDir({ style, mountPath, strmFolder, strmSeenAs }: CompletedPlace): string {
  if (style === "strm") return strmSeenAs === "" ? resolve(strmFolder) : strmSeenAs;
  return clientPath(mountPath, ["completed"]);
}

/** The folder of one job, whose last segment is its name. */
export function storageOf(
  place: CompletedPlace,
  { category, name }: Pick<CompletedFolder, "category" | "name">,
): string {
  return clientPath(completeDir(place), [category, name]);
}
