import type { ProviderSnapshot } from "../nntp/snapshot.ts";
import { type CategoryDeps, categoryNames, wantedCategory } from "./categories.ts";
import { reads, type SabCall, type SabModes, writes } from "./mode.ts";
import { type CompletedPlace, completeDir } from "./paths.ts";
import type { PauseTimer } from "./pause-timer.ts";
import { priorityNumber } from "./priorities.ts";
import { NOT_WHOLE, notImplemented, refused } from "./refusal.ts";

export interface ConfigDeps extends CategoryDeps {
  readonly completed: CompletedPlace;
  readonly providers: () => readonly ProviderSnapshot[];
  readonly pauseTimer: PauseTimer;
}

const MAX_PAUSE_MINUTES = 366 * 24 * 60;
/** Of a category that asks for nothing: SABnzbd's default. */
const DEFAULT_PRIORITY = -100;

/** What clients look up before they trust a download client, and what little of it they may change. */
export function configModes(deps: ConfigDeps): SabModes {
  return [
    ["get_config", reads((call) => ({ config: config(deps, call) }))],
    ["get_cats", reads(() => ({ categories: categoryNames(deps) }))],
    ["get_scripts", reads(() => ({ scripts: ["None"] }))],
    ["config", writes(notImplemented)],
    // Accepted, so that schedulers of clients do not fail, and without effect: admission decides how much imports get.
    ["config speedlimit", writes(() => ({ status: true }))],
    ["config set_pause", writes((call) => setPause(deps, call))],
  ];
}

function setPause({ pauseTimer }: ConfigDeps, { params }: SabCall) {
  const minutes = params.whole("value");
  if (minutes === undefined) throw refused(NOT_WHOLE);
  if (minutes > MAX_PAUSE_MINUTES) throw refused(`a pause has at most ${MAX_PAUSE_MINUTES} minutes`);
  pauseTimer.pauseFor(minutes);
  return { status: true };
}

/** All of it, or one section, or one keyword of that. */
function config(deps: ConfigDeps, { params }: SabCall): object {
  const all = { misc: misc(deps), categories: categories(deps), servers: servers(deps), sorters: [] };
  const [section, keyword] = [params.text("section"), params.text("keyword")];
  if (section === "") return all;
  if (section === "misc") return { misc: keyword === "" ? all.misc : only(all.misc, keyword) };
  if (section !== "categories" && section !== "servers" && section !== "sorters") return {};
  const found = all[section].filter(({ name }) => keyword === "" || name === keyword);
  return found.length === 0 && keyword !== "" ? {} : { [section]: found };
}

function only(values: Readonly<Record<string, unknown>>, keyword: string): object {
  return Object.hasOwn(values, keyword) ? { [keyword]: values[keyword] } : {};
}

/** No sorting, no check before the download, and a history that is kept: what Sonarr and Radarr warn of otherwise. */
function misc({ completed }: ConfigDeps) {
  return {
    complete_dir: completeDir(completed),
    download_dir: completeDir(completed),
    pre_check: 0,
    enable_tv_sorting: 0,
    tv_categories: [],
    enable_movie_sorting: 0,
    movie_categories: [],
    enable_date_sorting: 0,
    date_categories: [],
    history_retention: "",
    history_retention_option: "all",
    history_retention_number: 0,
  };
}

function categories(deps: ConfigDeps): readonly { readonly name: string }[] {
  return categoryNames(deps).map((name, order) => {
    const common = { name, order, newzbin: "" };
    const folder = wantedCategory(name);
    if (folder === "") return { ...common, pp: "3", script: "None", dir: "", priority: 0 };
    const { priority } = deps.rules.of(name);
    const number = priority === "normal" ? DEFAULT_PRIORITY : priorityNumber(priority);
    return { ...common, pp: "", script: "Default", dir: folder, priority: number };
  });
}

/** Without the logins. */
function servers({ providers }: ConfigDeps): readonly { readonly name: string }[] {
  return providers().map(({ id, host, port, isTls, tier, isBackup, connections }) => ({
    name: id,
    displayname: id,
    host,
    port,
    timeout: 60,
    username: "",
    password: "",
    connections: connections.limit,
    ssl: isTls ? 1 : 0,
    ssl_verify: 2,
    ssl_ciphers: "",
    enable: 1,
    required: 0,
    optional: isBackup ? 1 : 0,
    retention: 0,
    expire_date: "",
    quota: "",
    usage_at_start: 0,
    priority: tier,
    notes: "",
  }));
}
