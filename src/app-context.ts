import type { Clock } from "./base/clock.ts";
import type { Closers } from "./base/closers.ts";
import type { Logger } from "./base/logger.ts";
import type { OpenedCatalog } from "./catalog/open-catalog.ts";
import type { LoadedConfig } from "./config/load-config.ts";
import type { Config } from "./config/settings.ts";

/** What every part of the program is opened with. */
export interface AppContext {
  /** With its sources, where it has any: what nobody gave can be changed while the server runs. */
  readonly config: Config & Partial<Pick<LoadedConfig, "sources">>;
  readonly catalog: OpenedCatalog;
  readonly clock: Clock;
  readonly log: Logger;
  /** Closes all parts, the latest one first. */
  readonly closers: Closers;
  /** Where built workers lie, when that is not beside the code that starts them. */
  readonly workers: { readonly nzb: URL | undefined; readonly rar: URL | undefined };
}
