import type { ProviderSnapshot } from "../nntp/snapshot.ts";
import { age, inUnits } from "./figures.ts";
import { type HeaderDeps, SAB_VERSION, sabHeader } from "./header.ts";
import { reads, type SabCall, type SabModes, writes } from "./mode.ts";
import { type CompletedPlace, completeDir } from "./paths.ts";
import { notImplemented, refused } from "./refusal.ts";
import { serverStats } from "./server-stats.ts";
import type { TrafficMeter } from "./traffic-meter.ts";

export interface StatusDeps extends HeaderDeps {
  readonly completed: CompletedPlace;
  readonly meter: TrafficMeter;
  readonly providers: () => readonly ProviderSnapshot[];
}

/** What the server is and how it is, in SABnzbd's words. */
export function statusModes(deps: StatusDeps): SabModes {
  const startedAt = deps.clock.now();
  const status = (call: SabCall) => ({ status: fullStatus(deps, startedAt, call) });
  return [
    ["version", { access: "none", run: () => ({ version: SAB_VERSION }) }],
    ["auth", { access: "none", run: auth }],
    ["fullstatus", reads(status)],
    ["status", reads((call) => (call.params.text("name") === "" ? status(call) : notImplemented()))],
    ["warnings", reads((call) => warnings(deps, call))],
    ["warnings clear", writes(() => clearWarnings(deps))],
    ["server_stats", reads(() => serverStats(deps.meter))],
    ["showlog", writes(() => refuse("the log is not shown here", "look at what the server writes to its output"))],
    ["shutdown", writes(() => refuse("the server is not stopped from here", "stop it where it was started"))],
    ["restart", writes(() => refuse("the server is not restarted from here", "restart it where it was started"))],
  ];
}

async function auth({ params, isKey }: SabCall) {
  const key = params.text("key");
  return { auth: key === "" || (await isKey(key)) ? "apikey" : "badkey" };
}

function warnings(deps: StatusDeps, { params }: SabCall) {
  const name = params.text("name");
  if (name !== "" && name !== "show") notImplemented();
  return { warnings: deps.warnings.list() };
}

function clearWarnings(deps: StatusDeps) {
  deps.warnings.clear();
  return { status: true };
}

/** What concerns SABnzbd's own pages and system is empty, its API key above all. */
function fullStatus(deps: StatusDeps, startedAt: number, { params }: SabCall) {
  const folder = completeDir(deps.completed);
  const dashboard = { active_socks5_proxy: null, localipv4: null, publicipv4: null, ipv6: null, dnslookup: null };
  return {
    ...sabHeader(deps),
    uptime: age(deps.clock.now() - startedAt),
    color_scheme: "",
    confighelpuri: "",
    pid: process.pid,
    active_lang: "en",
    rtl: false,
    my_lcldata: "",
    my_home: "",
    webdir: "",
    url_base: "",
    windows: false,
    macos: false,
    power_options: false,
    pp_pause_event: false,
    apikey: "",
    new_release: "",
    new_rel_url: "",
    logfile: "",
    weblogfile: null,
    loglevel: "1",
    folders: [],
    configfn: "",
    warnings: deps.warnings.list(),
    delayed_assembler: 0,
    loadavg: "",
    pystone: 0,
    downloaddir: folder,
    downloaddirspeed: 0,
    completedir: folder,
    completedirspeed: 0,
    internetbandwidth: 0,
    ...(params.flag("skip_dashboard") ? {} : dashboard),
    servers: deps.providers().map(server),
  };
}

function server({ id, state, connections, isTls, tier, isBackup, reason, bytesPerSecond }: ProviderSnapshot) {
  return {
    servername: id,
    serveractive: state !== "backing-off",
    serveractiveconn: connections.open,
    servertotalconn: connections.limit,
    serverconnections: [],
    serverssl: isTls ? 1 : 0,
    serversslinfo: "",
    serveripaddress: null,
    servercanonname: null,
    serverwarning: "",
    servererror: reason ?? "",
    serverpriority: tier,
    serveroptional: isBackup ? 1 : 0,
    serverbps: inUnits((bytesPerSecond ?? 0) * connections.busy, ""),
  };
}

function refuse(message: string, hint?: string): never {
  throw refused(message, hint);
}
