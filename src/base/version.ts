import { readFileSync } from "node:fs";

const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");

/** As package.json says, which stands two folders above this file in `src` and in `dist`. */
export const VERSION: string = (JSON.parse(manifest) as { version: string }).version;
