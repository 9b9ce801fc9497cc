/**
 * What runs in the browser: plain script, no library. It looks at the JSON API every 2 seconds while somebody can see it, and writes
 * text nodes only, so that no name from a release can become markup.
 */
export const pageScript = String.raw`"use strict";
const POLL_MS = 2000, PATIENCE_MS = 8000, NOTE_MS = 8000;
const byId = (id) => document.getElementById(id);
const sections = [...document.querySelectorAll("main > section")];

function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== ""));
  return node;
}

/* ---- words and numbers ---- */
function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let step = 0;
  while (bytes >= 1000 && step < units.length - 1) { bytes /= 1000; step += 1; }
  return (step === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)) + " " + units[step];
}
const percent = (part, whole) => (whole > 0 ? Math.round((100 * part) / whole) : 0) + " %";
const count = (n, one, many) => n.toLocaleString() + " " + (n === 1 ? one : many);
const when = (ms) => new Date(ms).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
const sentence = (words) => (words ? words[0].toUpperCase() + words.slice(1) + "." : "");
const nameOf = (path) => path.split("/").pop();
const davUrl = (path) => path.replace(/^\//, "").split("/").map(encodeURIComponent).join("/");

/* ---- the server ---- */
class Refused extends Error {
  constructor(status, error) {
    super([error.message, error.hint].filter(Boolean).join("; ") || "the server answered " + status);
    this.status = status;
  }
}
async function call(path, options) {
  // Opened with a login in its address, the page's own address would be refused by fetch.
  const url = new URL("api/v1/" + path, location.href);
  url.username = url.password = "";
  const response = await fetch(url, { headers: { "X-Requested-With": "newsreel" }, cache: "no-store", ...options });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, body.error || {});
  return body;
}
const look = (path) => call(path, { signal: AbortSignal.timeout(PATIENCE_MS) });

let lostAt;
function reached() {
  lostAt = undefined;
  byId("trouble").hidden = true;
  byId("main").classList.remove("stale");
}
function trouble(error) {
  lostAt = lostAt || Date.now();
  const since = new Date(lostAt).toLocaleTimeString();
  const words = error instanceof Refused
    ? (error.status === 401 ? "You are not logged in. Reload the page to log in." : "The server cannot answer: " + error.message + ".")
    : "The server cannot be reached since " + since + ". What you see is from before; trying again every 2 seconds.";
  const node = byId("trouble");
  if (node.textContent !== words) node.textContent = words;
  node.hidden = false;
  byId("main").classList.add("stale");
}

/* ---- drawing: only when something changed, keeping the focus ---- */
const drawn = new Map();
function draw(id, value, build) {
  const key = JSON.stringify(value);
  if (drawn.get(id) === key) return;
  drawn.set(id, key);
  const node = byId(id);
  const focus = node.contains(document.activeElement) ? document.activeElement.getAttribute("data-key") : null;
  node.replaceChildren(...[build(value)].flat());
  if (focus) [...node.querySelectorAll("[data-key]")].find((one) => one.getAttribute("data-key") === focus)?.focus();
}
const empty = (tag, ...words) => h(tag, { class: "empty" }, ...words);
const link = (href, text) => h("a", { href }, text);
const bar = (value, max, label) => h("progress", { value, max: max || 1, "aria-label": label });

/* ---- Now ---- */
const seen = new Map();
function rateOf(stream) {
  const key = stream.client + "\n" + stream.userAgent + "\n" + stream.path + "\n" + stream.startedAt;
  const before = seen.get(key);
  const now = performance.now();
  seen.set(key, { bytes: stream.bytes, at: now });
  if (seen.size > 200) seen.delete(seen.keys().next().value);
  return before && now > before.at ? Math.max(0, ((stream.bytes - before.bytes) * 1000) / (now - before.at)) : undefined;
}
function streamCard({ path, client, userAgent, position, size: whole, openRequests, rate }) {
  const pace = rate ? size(rate) + "/s" : openRequests > 0 ? "waiting" : "between requests";
  return h("li", {},
    h("div", { class: "split" }, h("span", { class: "title" }, nameOf(path)), h("span", { class: "dim" }, pace)),
    bar(position, whole, "Position in " + nameOf(path)),
    h("div", { class: "split dim" },
      h("span", {}, percent(position, whole) + ", " + size(position) + " of " + size(whole)),
      h("span", {}, [userAgent.split(/[\s(]/)[0], client].filter(Boolean).join(" at "))));
}
function providerCard(p) {
  const { open, busy, opening, limit, ceiling } = p.connections;
  const idle = Math.max(0, open - busy);
  const dots = [["busy", busy], ["idle", idle], ["opening", opening], ["free", Math.max(0, limit - open - opening)]];
  const words = busy + " busy, " + idle + " idle" + (opening ? ", " + opening + " opening" : "") + ", of " + limit +
    (ceiling < limit ? " (the provider allows " + ceiling + ")" : "");
  const state = p.state === "ready" ? h("span", { class: "state good" }, "ready")
    : p.state === "idle" ? h("span", { class: "state dim" }, "not used yet")
    : h("span", { class: "state bad" }, "resting");
  const rest = p.state !== "backing-off" ? undefined : h("p", { class: "bad lead" }, sentence((p.reason || "it does not work at present") +
    (p.retryAt ? "; next try at " + new Date(p.retryAt).toLocaleTimeString() : "")));
  const lacks = p.commands.missing ? ", lacked " + p.commands.missing.toLocaleString() : "";
  return h("li", {},
    h("div", { class: "split" }, h("span", { class: "title" }, p.id + (p.isBackup ? " (backup)" : "")), state),
    h("div", { class: "dots", role: "img", "aria-label": "Connections: " + words },
      dots.flatMap(([kind, n]) => Array.from({ length: Math.min(n, 100) }, () => h("i", { class: kind })))),
    rest,
    h("div", { class: "split dim" }, h("span", {}, words),
      h("span", {}, p.host + ":" + p.port + (p.isTls ? "" : ", not encrypted"))),
    h("div", { class: "dim" }, size(p.bytes) + " received, " + count(p.commands.ok, "article", "articles") + lacks +
      (p.rttMs ? ", " + Math.round(p.rttMs) + " ms away" : "")));
}
function cacheBox(c) {
  const asked = c.hits + c.joins + c.misses;
  return h("div", { class: "box" }, bar(c.allocatedBytes, c.budgetBytes, "Memory in use"),
    h("div", { class: "split dim" },
      h("span", {}, size(c.allocatedBytes) + " of " + size(c.budgetBytes) + ", " + count(c.entries, "segment", "segments") + " kept"),
      h("span", {}, asked ? percent(c.hits + c.joins, asked) + " of " + count(asked, "read", "reads") + " needed no fetch" : "nothing was read yet")));
}
async function showNow() {
  const [streams, admission, providers, cache] = await Promise.all(["streams", "admission", "providers", "cache"].map(look));
  draw("admission", admission.words, sentence);
  draw("streams", streams.streams.map((one) => ({ ...one, rate: rateOf(one) })), (all) => all.length ? all.map(streamCard)
    : empty("li", "Nothing is being played. Pick something in the ", link("#library", "library"), " or ", link("#connect", "connect a player"), "."));
  draw("providers", providers.providers, (all) => all.length ? all.map(providerCard)
    : empty("li", "There is no provider yet, so nothing can be fetched. Add one under providers in newsreel.yaml and start Newsreel again."));
  draw("cache", cache, cacheBox);
}

/* ---- Library ---- */
let shown = { path: undefined, entries: [], next: null };
function entryRow(entry) {
  const label = h("span", { class: "dim" }, entry.kind === "file" ? size(entry.size) : "", entry.kind === "file" ? ", " : "", when(entry.modifiedAt));
  if (entry.kind === "folder") {
    const to = "#library/" + davUrl(entry.path.replace("/dav/library/", ""));
    return h("li", {}, h("span", { class: "grow" }, h("a", { href: to, class: "title" }, entry.name + "/")), label);
  }
  const url = davUrl(entry.path);
  const verb = /\.(mkv|mp4|m4v|webm|mov|avi|ts|mp3|m4a|flac|ogg)$/i.test(entry.name) ? "Play" : "Open";
  return h("li", {}, h("span", { class: "grow" }, entry.name), label,
    h("span", { class: "pair" },
      h("a", { href: url, class: "button small", target: "_blank", rel: "noopener", "aria-label": verb + " " + entry.name }, verb),
      h("button", { class: "small", type: "button", "aria-label": "Copy link to " + entry.name, onclick: () => copy(new URL(url, document.baseURI).href) }, "Copy link")));
}
async function showLibrary(path, after) {
  const query = new URLSearchParams({ path: "/library/" + path, limit: "100" });
  if (after) query.set("after", after);
  let page;
  try {
    page = await look("library?" + query);
  } catch (error) {
    if (error.status !== 404 && error.status !== 400) throw error;
    page = { entries: [], next: null, isGone: true };
  }
  if (path !== here().rest) return;
  shown = { path, isGone: page.isGone, next: page.next, entries: after ? [...shown.entries, ...page.entries] : page.entries };
  draw("crumbs", path, crumbs);
  draw("entries", shown, ({ entries, isGone }) => entries.length ? entries.map(entryRow)
    : isGone ? empty("li", "There is no such folder (any more). Go back to the ", link("#library", "library"), ".")
    : path ? empty("li", "This folder is empty.")
    : empty("li", "The library is empty. Drop an NZB anywhere on this page, or go to ", link("#imports", "Imports"), "."));
  byId("more").hidden = page.next === null;
}
function crumbs(path) {
  const names = path === "" ? [] : path.split("/");
  return [["Library", "#library"], ...names.map((name, at) => [name, "#library/" + davUrl(names.slice(0, at + 1).join("/"))])]
    .map(([name, href], at) => at === names.length ? h(at ? "span" : "b", { "aria-current": "page" }, name) : link(href, name));
}
byId("more").addEventListener("click", () => showLibrary(shown.path, shown.next).then(reached, trouble));

/* ---- Imports ---- */
const MOODS = { completed: "good", failed: "bad", cancelled: "dim", paused: "dim" };
function jobRow(job) {
  const words = [job.error, job.reason, job.hint].filter(Boolean).join("; ");
  const isMoving = job.state === "importing" || (job.progress > 0 && job.progress < 1);
  return h("li", {},
    h("span", { class: "grow" }, h("span", { class: "title" }, job.name), " ",
      h("a", { class: "dim", href: "#library/" + davUrl(job.category), "data-key": job.id, "aria-label": "Library, category " + job.category }, job.category)),
    h("span", { class: "dim" }, when(job.updatedAt)),
    h("span", { class: "state " + (MOODS[job.state] || "") }, job.state),
    isMoving ? h("div", { class: "full" }, bar(job.progress, 1, "Progress of " + job.name)) : undefined,
    words ? h("div", { class: "full " + (job.state === "failed" ? "bad" : "dim") }, sentence(words)) : undefined);
}
async function showImports() {
  const [page, admission] = await Promise.all(["imports?limit=50", "admission"].map(look));
  draw("queue", page.imports.length ? admission.words : "", sentence);
  draw("jobs", page.imports, (jobs) => jobs.length ? jobs.map(jobRow)
    : empty("li", "Nothing was imported yet. An NZB becomes playable within seconds: nothing is downloaded."));
}
async function upload(files) {
  for (const file of files) {
    const form = new FormData();
    form.append("name", file, file.name);
    try {
      const job = await call("imports?" + new URLSearchParams({ category: byId("category").value.trim() }), { method: "POST", body: form });
      note(file.name + ": " + job.state + ".");
    } catch (error) {
      note(file.name + " was not taken: " + (error instanceof Refused ? error.message : "the server cannot be reached") + ".");
    }
  }
  tick();
}
byId("files").addEventListener("change", (event) => {
  const files = [...event.target.files];
  event.target.value = "";
  upload(files);
});
byId("add").addEventListener("submit", (event) => event.preventDefault());
let depth = 0;
const hasFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
for (const [name, by] of [["dragenter", 1], ["dragleave", -1]]) {
  addEventListener(name, (event) => {
    if (!hasFiles(event)) return;
    depth = Math.max(0, depth + by);
    byId("drop").hidden = depth === 0;
  });
}
addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  depth = 0;
  byId("drop").hidden = true;
  if (!hasFiles(event)) return;
  event.preventDefault();
  location.hash = "#imports";
  upload([...event.dataTransfer.files]);
});

/* ---- Connect ---- */
function showConnect() {
  const base = new URL(".", document.baseURI);
  const dav = new URL("dav/", base).href;
  const isTls = base.protocol === "https:";
  const port = base.port || (isTls ? "443" : "80");
  const recipes = [
    ["WebDAV address", "for any client", [dav]],
    ["Kodi, Infuse, VLC", "add a WebDAV source" + (isTls ? " (HTTPS)" : " (HTTP)") + ": server, port and path", [base.hostname, port, new URL("dav/library/", base).pathname]],
    ["rclone", "for Plex, Jellyfin and Emby on a mount", [
      "rclone config create newsreel webdav url='" + dav + "' vendor=other user=USER pass=PASSWORD",
      "rclone mount newsreel:library /mnt/newsreel --read-only"]],
    ["curl", "list the library; import an NZB", [
      "curl -u USER -X PROPFIND -H 'Depth: 1' '" + dav + "library/'",
      "curl -u USER -H 'Content-Type: application/x-nzb' --data-binary @file.nzb '" + new URL("api/v1/imports?category=movies", base).href + "'"]],
    ["Windows", "in a command prompt; asks for the password", ["net use N: " + dav.replace(/\/$/, "") + " /user:USER *"]],
    ["macOS Finder", "Go, Connect to Server", [dav]],
    ["Sonarr, Radarr", "add SABnzbd as download client: host, port and URL base" + (isTls ? ", with SSL" : "") + "; the API key is the one in Newsreel's settings", [base.hostname, port, base.pathname.replace(/\/$/, "") || "/"]],
  ];
  draw("recipes", recipes, (all) => all.flatMap(([title, what, lines]) => [
    h("h3", {}, title + " ", h("span", { class: "dim" }, what)),
    ...lines.map((line) => h("div", { class: "code" }, h("code", {}, line),
      h("button", { class: "small", type: "button", "aria-label": "Copy " + line, onclick: () => copy(line) }, "Copy"))),
  ]));
}

/* ---- the clipboard: its modern form is missing where the page is not served over TLS ---- */
async function copy(text) {
  const isCopied = await Promise.resolve().then(() => navigator.clipboard.writeText(text)).then(() => true, () => copyOldWay(text));
  note(isCopied ? "Copied." : "The browser does not allow copying. Here it is: " + text);
}
function copyOldWay(text) {
  const back = document.activeElement;
  const field = h("textarea", { class: "sr" });
  field.value = text;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  back?.focus();
  return isCopied;
}
function note(text) {
  const item = h("li", { onclick: () => item.remove() }, text);
  byId("notes").append(item);
  if (byId("notes").children.length > 5) byId("notes").firstChild.remove();
  setTimeout(() => item.remove(), NOTE_MS);
}

/* ---- which page, and the beat ---- */
function here() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const known = sections.some(({ dataset }) => dataset.page === name) ? name : "now";
  try {
    return { name: known, rest: rest.map(decodeURIComponent).join("/") };
  } catch {
    return { name: known, rest: "" };
  }
}
const SHOW = { now: showNow, imports: showImports, connect: showConnect, library: () => shown.path === here().rest && lostAt === undefined ? look("admission") : showLibrary(here().rest) };
let timer, turn = 0;
async function tick() {
  clearTimeout(timer);
  if (document.visibilityState !== "visible") return;
  const mine = ++turn;
  const result = await Promise.resolve().then(SHOW[here().name]).then(() => undefined, (error) => error);
  if (mine !== turn) return;
  if (result === undefined) reached(); else trouble(result);
  timer = setTimeout(tick, POLL_MS);
}
function go() {
  const { name } = here();
  shown.path = undefined;
  for (const section of sections) section.hidden = section.dataset.page !== name;
  for (const one of document.querySelectorAll("header nav a")) {
    if (one.hash === "#" + name) one.setAttribute("aria-current", "page"); else one.removeAttribute("aria-current");
  }
  document.title = name[0].toUpperCase() + name.slice(1) + " - Newsreel";
  tick();
}
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
addEventListener("hashchange", () => { go(); scrollTo(0, 0); });
document.addEventListener("visibilitychange", tick);
go();
`;
