/**
 * Reads answers as Sonarr and Radarr do: Newtonsoft.Json into C# classes, with their converters. Whatever would throw there, throws here, and so
 * does what they would only swallow: a number where SABnzbd has text, or a password.
 */

export const STATUSES = [
  "Grabbing",
  "Queued",
  "Paused",
  "Checking",
  "Downloading",
  "QuickCheck",
  "Verifying",
  "Repairing",
  "Fetching",
  "Extracting",
  "Moving",
  "Running",
  "Completed",
  "Failed",
  "Deleted",
  "Propagating",
] as const;
export type ArrStatus = (typeof STATUSES)[number];

const PRIORITIES = ["Default", "Paused", "Low", "Normal", "High", "Force"] as const;

export interface ArrQueueItem {
  readonly status: ArrStatus;
  readonly index: number;
  /** Seconds. */
  readonly timeleft: number;
  /** Bytes. */
  readonly size: number;
  readonly sizeleft: number;
  readonly title: string;
  readonly priority: string;
  readonly category: string;
  readonly percentage: number;
  readonly id: string;
}

export interface ArrQueue {
  readonly paused: boolean;
  readonly items: readonly ArrQueueItem[];
}

export interface ArrHistoryItem {
  readonly failMessage: string;
  readonly size: number;
  readonly category: string;
  readonly nzbName: string;
  readonly downloadTime: number;
  readonly storage: string;
  readonly status: ArrStatus;
  readonly id: string;
  readonly title: string;
}

export interface ArrConfig {
  readonly completeDir: string;
  readonly preCheck: boolean;
  readonly tvCategories: readonly string[];
  readonly tvSorting: boolean;
  readonly movieCategories: readonly string[];
  readonly movieSorting: boolean;
  readonly dateCategories: readonly string[];
  readonly dateSorting: boolean;
  readonly historyRetention: string;
  readonly historyRetentionOption: string;
  readonly historyRetentionNumber: number;
  readonly categories: readonly { readonly name: string; readonly dir: string; readonly priority: number }[];
  readonly sorters: readonly { readonly isActive: boolean; readonly categories: readonly string[] }[];
}

type Values = Readonly<Record<string, unknown>>;

/** `CheckForError`: throws what the client would show for an answer that is a refusal. */
export function checkForError(text: string): void {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    if (/^error/i.test(text)) throw new Error(`Error response received from SABnzbd: ${text.replace("error: ", "")}`);
    return;
  }
  const { status, error } = answer as Values;
  const isFailed = status !== undefined && typeof status !== "object" && String(status).toLowerCase() === "false";
  if (isFailed) throw new Error(`Error response received from SABnzbd: ${String(error)}`);
}

export function readQueue(answer: unknown): ArrQueue {
  const queue = object(answer, "queue");
  text(queue, "version");
  for (const name of ["mb", "mbleft", "kbpersec"]) decimal(queue, name);
  for (const name of ["noofslots", "noofslots_total", "start", "limit", "finish"]) int32(queue, name);
  time(queue, "timeleft");
  oneOf(text(queue, "status"), ["Paused", "Downloading", "Idle"]);
  return { paused: bool(queue, "paused"), items: array(queue, "slots").map(readQueueItem) };
}

function readQueueItem(slot: unknown): ArrQueueItem {
  const values = slot as Values;
  empty(values, "password");
  array(values, "labels");
  int32(values, "time_added");
  return {
    status: oneOf(text(values, "status"), STATUSES),
    index: int32(values, "index"),
    timeleft: time(values, "timeleft"),
    size: Math.floor(decimal(values, "mb") * 1_048_576),
    sizeleft: Math.floor(decimal(values, "mbleft") * 1_048_576),
    title: filled(values, "filename"),
    priority: oneOf(text(values, "priority"), PRIORITIES),
    category: filled(values, "cat"),
    percentage: int32(values, "percentage"),
    id: filled(values, "nzo_id"),
  };
}

export function readHistory(answer: unknown): readonly ArrHistoryItem[] {
  const history = object(answer, "history");
  text(history, "version");
  for (const name of ["noofslots", "ppslots", "last_history_update"]) int32(history, name);
  return array(history, "slots").map(readHistoryItem);
}

function readHistoryItem(slot: unknown): ArrHistoryItem {
  const values = slot as Values;
  empty(values, "password");
  for (const name of ["completed", "postproc_time", "time_added"]) int32(values, name);
  bool(values, "loaded");
  bool(values, "archive");
  return {
    failMessage: text(values, "fail_message"),
    size: int64(values, "bytes"),
    category: filled(values, "category"),
    nzbName: filled(values, "nzb_name"),
    downloadTime: int32(values, "download_time"),
    storage: text(values, "storage"),
    status: oneOf(text(values, "status"), STATUSES),
    id: filled(values, "nzo_id"),
    title: filled(values, "name"),
  };
}

export function readConfig(answer: unknown): ArrConfig {
  const config = object(answer, "config");
  const misc = object(config, "misc");
  array(config, "servers").forEach((server) => {
    empty(server as Values, "password");
    empty(server as Values, "username");
  });
  return {
    completeDir: filled(misc, "complete_dir"),
    preCheck: bool(misc, "pre_check"),
    tvCategories: texts(misc, "tv_categories"),
    tvSorting: bool(misc, "enable_tv_sorting"),
    movieCategories: texts(misc, "movie_categories"),
    movieSorting: bool(misc, "enable_movie_sorting"),
    dateCategories: texts(misc, "date_categories"),
    dateSorting: bool(misc, "enable_date_sorting"),
    historyRetention: text(misc, "history_retention"),
    historyRetentionOption: text(misc, "history_retention_option"),
    historyRetentionNumber: int32(misc, "history_retention_number"),
    categories: array(config, "categories").map((category) => {
      const values = category as Values;
      text(values, "pp");
      text(values, "script");
      return { name: filled(values, "name"), dir: text(values, "dir"), priority: int32(values, "priority") };
    }),
    sorters: array(config, "sorters").map((sorter) => ({
      isActive: bool(sorter as Values, "is_active"),
      categories: texts(sorter as Values, "sort_cats"),
    })),
  };
}

export function readVersion(answer: unknown): string {
  return filled(answer as Values, "version");
}

export function readFullStatus(answer: unknown): { readonly completeDir: string } {
  return { completeDir: filled(object(answer, "status"), "completedir") };
}

export function readAdded(answer: unknown): readonly string[] {
  const values = answer as Values;
  if (!bool(values, "status")) throw new Error("status is false");
  return texts(values, "nzo_ids");
}

/** Checks whatever an answer is, by what it holds. */
export function checkAnswer(body: string): void {
  const answer = JSON.parse(body) as Values;
  if (answer["queue"] !== undefined) readQueue(answer);
  if (answer["history"] !== undefined && answer["history"] !== false) readHistory(answer);
  if (isObject(answer["config"]) && answer["config"]["misc"] !== undefined) checkConfig(answer);
  if (isObject(answer["status"])) readFullStatus(answer);
  if (answer["version"] !== undefined) readVersion(answer);
  if (answer["nzo_ids"] !== undefined) texts(answer, "nzo_ids");
  if (answer["status"] === false && answer["error"] !== undefined) filled(answer, "error");
  if (answer["files"] !== undefined) array(answer, "files").forEach(checkFile);
  if (answer["warnings"] !== undefined) array(answer, "warnings").forEach(checkWarning);
  if (answer["servers"] !== undefined) checkStats(answer);
}

function checkConfig(answer: Values): void {
  const { misc } = answer["config"] as Values;
  // A section alone is for other clients.
  if (Object.hasOwn(misc as Values, "complete_dir") && Object.hasOwn(answer["config"] as Values, "categories")) {
    readConfig(answer);
  }
}

function checkFile(file: unknown): void {
  const values = file as Values;
  for (const name of ["filename", "nzf_id", "age", "status"]) filled(values, name);
  for (const name of ["mb", "mbleft", "bytes"]) decimal(values, name);
  oneOf(text(values, "status"), ["finished", "active", "queued"]);
}

function checkWarning(warning: unknown): void {
  const values = warning as Values;
  oneOf(text(values, "type"), ["WARNING", "ERROR"]);
  filled(values, "text");
  int32(values, "time");
}

function checkStats(answer: Values): void {
  for (const name of ["total", "month", "week", "day"]) int64(answer, name);
  for (const server of Object.values(object(answer, "servers"))) {
    for (const name of ["total", "month", "week", "day"]) int64(server as Values, name);
    for (const name of ["daily", "articles_tried", "articles_success"]) {
      const days = object(server, name);
      for (const day of Object.keys(days)) {
        if (!/^\d{4}-\d\d-\d\d$/.test(day)) throw new Error(`${name} has a day called ${day}`);
        int64(days, day);
      }
    }
  }
}

function isObject(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function object(from: unknown, name: string): Values {
  const value = (from as Values)[name];
  if (!isObject(value)) throw new Error(`${name} is no object: ${JSON.stringify(value)}`);
  return value;
}

function array(from: Values, name: string): readonly unknown[] {
  const value = from[name];
  if (!Array.isArray(value)) throw new Error(`${name} is no array: ${JSON.stringify(value)}`);
  return value;
}

function text(from: Values, name: string): string {
  const value = from[name];
  if (typeof value !== "string") throw new Error(`${name} is no text: ${JSON.stringify(value)}`);
  return value;
}

function filled(from: Values, name: string): string {
  const value = text(from, name);
  if (value === "") throw new Error(`${name} is empty`);
  return value;
}

function empty(from: Values, name: string): void {
  if (text(from, name) !== "") throw new Error(`${name} is told`);
}

function texts(from: Values, name: string): readonly string[] {
  return array(from, name).map((value) => {
    if (typeof value !== "string") throw new Error(`${name} holds ${JSON.stringify(value)}`);
    return value;
  });
}

function bool(from: Values, name: string): boolean {
  const value = from[name];
  if (value === true || value === 1) return true;
  if (value === false || value === 0) return false;
  throw new Error(`${name} is no bool: ${JSON.stringify(value)}`);
}

/** Newtonsoft throws for `1.5`, and for `"1.0"` too. */
function integer(from: Values, name: string): number {
  const value = from[name];
  const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number)) {
    throw new Error(`${name} is no whole number: ${JSON.stringify(value)}`);
  }
  return number;
}

function int32(from: Values, name: string): number {
  const number = integer(from, name);
  if (number !== (number | 0)) throw new Error(`${name} needs more than 32 bits: ${number}`);
  return number;
}

function int64(from: Values, name: string): number {
  return integer(from, name);
}

/** With a dot, whatever the machine's language; neither an exponent nor a thousands separator. */
function decimal(from: Values, name: string): number {
  const value = from[name];
  const isDecimal = typeof value === "string" ? /^\d+(?:\.\d+)?$/.test(value) : typeof value === "number";
  if (!isDecimal || !Number.isFinite(Number(value))) throw new Error(`${name} is no decimal: ${JSON.stringify(value)}`);
  return Number(value);
}

/** `SabnzbdQueueTimeConverter`: three or four whole numbers; hours, minutes, seconds, with days before them. */
export function time(from: Values, name: string): number {
  const value = from[name];
  if (value === null || value === undefined) throw new Error(`${name} is null`);
  const parts = String(value)
    .split(":")
    .map((part) => {
      if (!/^\d+$/.test(part)) throw new Error(`${name} is no time: ${value}`);
      return Number(part);
    });
  if (parts.length !== 3 && parts.length !== 4) throw new Error(`Expected either 0:0:0:0 or 0:0:0 format: ${value}`);
  const [days, hours, minutes, seconds] = parts.length === 4 ? parts : [0, ...parts];
  return (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0);
}

function oneOf<T extends string>(value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw new Error(`Requested value '${value}' was not found.`);
  return found;
}
