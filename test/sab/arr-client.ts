import { basename, dirname, posix } from "node:path";
import {
  type ArrConfig,
  type ArrHistoryItem,
  type ArrQueue,
  checkAnswer,
  checkForError,
  readAdded,
  readConfig,
  readFullStatus,
  readHistory,
  readQueue,
  readVersion,
} from "./arr-models.ts";

export interface ArrSettings {
  /** With its `urlBase`, without `/api`. */
  readonly base: string;
  /** Empty: log in with user and password. */
  readonly apiKey?: string;
  readonly user?: string;
  readonly password?: string;
  /** Empty: none. */
  readonly category: string;
  /** Whose settings of sorting count. */
  readonly kind?: "tv" | "movies";
  /** The setting `DownloadClientHistoryLimit`. */
  readonly historyLimit?: number;
}

/** As Sonarr's and Radarr's own lists have it. */
export interface ArrItem {
  readonly id: string;
  readonly title: string;
  readonly status: "Queued" | "Paused" | "Downloading" | "Completed" | "Failed" | "Warning";
  readonly category: string;
  readonly totalSize: number;
  readonly remainingSize: number;
  /** Seconds; undefined when it is paused. */
  readonly remainingTime: number | undefined;
  readonly message: string;
  /** Empty: none yet. */
  readonly outputPath: string;
  readonly isEncrypted: boolean;
}

export interface RawAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Speaks with a SABnzbd as Sonarr and Radarr do, request by request, and judges by the same rules. Every answer is checked. */
export class ArrClient {
  readonly #settings: ArrSettings;
  /** Every request so far, without key and host. */
  readonly asked: string[] = [];

  constructor(settings: ArrSettings) {
    this.#settings = settings;
  }

  /** The address of a call, its parameters in the order in which they send them. */
  url(mode: string, params: Readonly<Record<string, string | number>> = {}): string {
    const { base, apiKey = "", user = "", password = "" } = this.#settings;
    const own = [["mode", mode], ...Object.entries(params)] as const;
    const login =
      apiKey === ""
        ? [["ma_username", user] as const, ["ma_password", password] as const]
        : [["apikey", apiKey] as const];
    const pairs = [...own, ...login, ["output", "json"] as const];
    return `${base}/api?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")}`;
  }

  async raw(
    mode: string,
    params: Readonly<Record<string, string | number>> = {},
    init: RequestInit = {},
  ): Promise<RawAnswer> {
    this.asked.push(
      `${init.method ?? "GET"} ${[mode, ...Object.entries(params).map((pair) => pair.join("="))].join("&")}`,
    );
    const response = await fetch(this.url(mode, params), {
      ...init,
      headers: { Accept: "application/json", ...init.headers },
    });
    const body = await response.text();
    const type = response.headers.get("content-type") ?? "";
    if (type.startsWith("application/json")) checkAnswer(body);
    return { status: response.status, type, body };
  }

  /** `ProcessRequest`: the JSON, or the error that they would show. */
  async call(mode: string, params?: Readonly<Record<string, string | number>>, init?: RequestInit): Promise<unknown> {
    const { status, type, body } = await this.raw(mode, params, init);
    if (status >= 400) throw new Error(`Unable to connect to SABnzbd, HTTP request failed: [${status}]`);
    checkForError(body);
    if (!/^application\/json\b.*charset=utf-8/i.test(type)) throw new Error(`this is no JSON: ${type}`);
    return JSON.parse(body);
  }

  async version(): Promise<string> {
    return readVersion(await this.call("version"));
  }

  async config(): Promise<ArrConfig> {
    return readConfig(await this.call("get_config"));
  }

  async queue(): Promise<ArrQueue> {
    return readQueue(await this.call("queue", { start: 0, limit: 0, ...this.#category() }));
  }

  async history(): Promise<readonly ArrHistoryItem[]> {
    const limit = this.#settings.historyLimit ?? 60;
    return readHistory(await this.call("history", { start: 0, limit, ...this.#category() }));
  }

  /** The Test button: what it complains of; nothing when all is well. */
  async test(): Promise<readonly string[]> {
    const failures = [
      await this.#testVersion(),
      await this.#testLogin(),
      await this.#testConfig(),
      await this.#testCategory(),
    ];
    return failures.filter((failure) => failure !== undefined);
  }

  /** What the health checks look at. */
  async health(): Promise<{ readonly roots: readonly string[]; readonly removesCompleted: boolean }> {
    const config = await this.config();
    const folders = await this.#folders(config);
    const root = folders.get(this.#settings.category) ?? folders.get("*");
    const { historyRetention: kept, historyRetentionOption: option, historyRetentionNumber: number } = config;
    const isKept =
      option === "all" ||
      (option === "" && (kept === "" || kept === "0")) ||
      (option.startsWith("days-") && number >= 14);
    return { roots: root === undefined ? [] : [root], removesCompleted: !isKept };
  }

  /** Adds an NZB as a grab does; the id that the rest of the conversation is about. */
  async grab(title: string, nzb: string | Uint8Array, priority = -100): Promise<string> {
    const boundary = `-----------------------------${Date.now()}0000`;
    const head =
      `--${boundary}\r\nContent-Disposition: form-data; name="name"; filename="${title}.nzb"\r\n` +
      "Content-Type: application/x-nzb\r\n\r\n";
    // The file's name as raw UTF-8.
    const body = Buffer.concat([Buffer.from(head, "utf8"), Buffer.from(nzb), Buffer.from(`\r\n--${boundary}--\r\n`)]);
    const headers = { "Content-Type": `multipart/form-data; boundary=${boundary}` };
    const answer = await this.call(
      "addfile",
      { cat: this.#settings.category, priority },
      { method: "POST", headers, body },
    );
    const [id] = readAdded(answer);
    if (id === undefined) throw new Error("SABnzbd rejected the NZB for an unknown reason");
    return id;
  }

  /** `GetItems`: what it tracks, from the queue and then the history. */
  async items(): Promise<readonly ArrItem[]> {
    const { category } = this.#settings;
    const all = [...queueItems(await this.queue()), ...historyItems(await this.history())];
    return all.filter((item) => item.category === category || (item.category === "*" && category === ""));
  }

  async removeItem(id: string, { archive = 1 }: { readonly archive?: 0 | 1 } = {}): Promise<void> {
    const inQueue = (await this.queue()).items.some((item) => item.id === id);
    if (inQueue) await this.call("queue", { name: "delete", del_files: 1, value: id });
    else await this.call("history", { name: "delete", del_files: 1, value: id, archive });
  }

  #category(): { readonly category?: string } {
    const { category } = this.#settings;
    return category === "" ? {} : { category };
  }

  async #testVersion(): Promise<string | undefined> {
    try {
      const version = await this.version();
      const found = /(\d+)\.(\d+)\.(\d+|x)/.exec(version);
      if (found === null) return `Unknown Version: ${version}`;
      const isEnough = Number(found[1]) >= 1 || Number(found[2]) >= 7;
      return isEnough ? undefined : `Version 0.7.0+ is required, but found: ${version}`;
    } catch (error) {
      return `Unable to connect to SABnzbd: ${(error as Error).message}`;
    }
  }

  async #testLogin(): Promise<string | undefined> {
    try {
      await this.config();
      return undefined;
    } catch (error) {
      const { message } = error as Error;
      return ["API Key Incorrect", "API Key Required"].find((known) => message.includes(known)) ?? message;
    }
  }

  async #testConfig(): Promise<string | undefined> {
    const config = await this.config().catch(() => undefined);
    return config?.preCheck ? "Disable 'Check before download' option in Sabnzbd" : undefined;
  }

  async #testCategory(): Promise<string | undefined> {
    const config = await this.config().catch(() => undefined);
    if (config === undefined) return undefined;
    const { category: wanted, kind = "tv" } = this.#settings;
    const found = config.categories.find(({ name }) => name === wanted);
    if (found === undefined && wanted !== "") return "Category does not exist";
    if (found?.dir.endsWith("*")) return "Enable Job folders";
    const takes = (categories: readonly string[]) => categories.length === 0 || categories.includes(wanted);
    if (config.sorters.some(({ isActive, categories }) => isActive && takes(categories))) return "Disable sorting";
    const isSorting =
      kind === "tv"
        ? config.tvSorting && takes(config.tvCategories)
        : config.movieSorting && takes(config.movieCategories);
    if (isSorting || (config.dateSorting && takes(config.dateCategories))) return "Disable sorting";
    await this.#folders(config);
    return undefined;
  }

  /** Of each category, the folder that they expect its downloads in. */
  async #folders(config: ArrConfig): Promise<ReadonlyMap<string, string>> {
    const isRooted = /^(?:\/|[A-Za-z]:|\\\\)/.test(config.completeDir);
    const root = isRooted
      ? config.completeDir
      : readFullStatus(await this.call("fullstatus", { skip_dashboard: 1 })).completeDir;
    return new Map(config.categories.map(({ name, dir }) => [name, posix.join(root, dir.replace(/\*+$/, ""))]));
  }
}

function queueItems({ paused, items }: ArrQueue): readonly ArrItem[] {
  return items
    .filter(({ status }) => status !== "Deleted")
    .map((item) => {
      const isPaused = (paused && item.priority !== "Force") || item.status === "Paused";
      const isWaiting = ["Queued", "Grabbing", "Propagating"].includes(item.status);
      const isEncrypted = item.title.startsWith("ENCRYPTED /");
      return {
        id: item.id,
        title: isEncrypted ? item.title.slice(11) : item.title,
        status: isPaused ? "Paused" : isWaiting ? "Queued" : "Downloading",
        category: item.category,
        totalSize: item.size,
        remainingSize: item.sizeleft,
        remainingTime: isPaused ? undefined : item.timeleft,
        message: "",
        outputPath: "",
        isEncrypted,
      };
    });
}

function historyItems(items: readonly ArrHistoryItem[]): readonly ArrItem[] {
  return items
    .filter(({ status }) => status !== "Deleted")
    .map((item) => ({
      id: item.id,
      title: item.title,
      status: historyStatus(item),
      category: item.category,
      totalSize: item.size,
      remainingSize: 0,
      remainingTime: 0,
      message: item.failMessage,
      outputPath: outputPath(item),
      isEncrypted: false,
    }));
}

function historyStatus({ status, failMessage }: ArrHistoryItem): ArrItem["status"] {
  if (status === "Completed") return "Completed";
  if (status !== "Failed") return "Downloading";
  const isOurs = failMessage.toLowerCase() === "unpacking failed, write error or disk is full?";
  return isOurs ? "Warning" : "Failed";
}

/** The topmost folder on the way that is called as the job is. */
function outputPath({ storage, title }: ArrHistoryItem): string {
  let found = storage;
  for (let parent = dirname(storage); parent !== dirname(parent); parent = dirname(parent)) {
    if (basename(parent) === title) found = parent;
  }
  return found;
}
