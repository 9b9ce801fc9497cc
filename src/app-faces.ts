import type { IncomingMessage, ServerResponse } from "node:http";
import { createApiHandler } from "./api/api.ts";
import { EventFeed } from "./api/events.ts";
import type { AppContext } from "./app-context.ts";
import { type Engine, toProviderOptions } from "./app-engine.ts";
import type { ImportSide } from "./app-imports.ts";
import { AppPasswords } from "./auth/app-passwords.ts";
import { createAuthenticator } from "./auth/authenticator.ts";
import { VERSION } from "./base/version.ts";
import { clientAddress } from "./client-address.ts";
import { clientOrigin } from "./client-origin.ts";
import type { Secrets } from "./config/secrets.ts";
import { verify } from "./health/verify.ts";
import type { DamageKeeper } from "./mount/damage-keeper.ts";
import { authorizeWith } from "./sab/access.ts";
import { startPauseTimer } from "./sab/pause-timer.ts";
import { createSabHandler } from "./sab/sab.ts";
import type { RecentWarnings } from "./sab/warnings.ts";
import { createPageHandler } from "./ui/page.ts";
import { createDavHandler } from "./webdav/handler.ts";
import type { DavSpace, DavTree } from "./webdav/tree.ts";

/** What `auth.digest` offers, in this order: VLC takes the first challenge of several and ffmpeg the last one, and both know MD5 alone. */
const DIGEST = { off: [], md5: ["MD5"], "sha-256": ["SHA-256", "MD5"] } as const;

export interface FacesOptions {
  readonly engine: Engine;
  readonly importSide: ImportSide;
  readonly tree: DavTree;
  readonly damage: DamageKeeper;
  readonly space: () => DavSpace | undefined;
  readonly warnings: RecentWarnings;
  readonly secrets: Pick<Secrets, "password" | "apiKey">;
  /** Asked before everything else; true when it has answered. */
  readonly extraHandler: ((req: IncomingMessage, res: ServerResponse) => boolean) | undefined;
}

/** What outsiders talk to: WebDAV, the APIs and the page, as one handler. `events` is to be closed before the server, which would wait for listeners. */
export function openFaces({ config, catalog, clock, log, closers }: AppContext, options: FacesOptions) {
  const { engine, importSide, tree, damage, space, warnings, secrets, extraHandler } = options;
  const { admissionSettings, admission, timings, streams, pool, meter, disk, cache, speedTests } = engine;
  const { parser, rules, queue, intake } = importSide;
  const { streaming } = config;
  const addressOf = clientAddress(config.trustedProxies);
  const { originOf, isSecure } = clientOrigin(config.trustedProxies);
  const { user, anonymous, digest } = config.auth;
  const appPasswords = new AppPasswords({ store: catalog.appPasswords, owner: user, clock, log });
  const authenticator = createAuthenticator({
    users: [{ name: user, password: secrets.password }],
    apiKey: secrets.apiKey,
    digest: DIGEST[digest],
    urlBase: config.urlBase,
    ...{ appPasswords, anonymous, isSecure, clock },
  });
  const dav = createDavHandler({
    tree,
    prefix: "/dav",
    urlBase: config.urlBase,
    log,
    clock,
    authenticate: authenticator.admit,
    addressOf,
    originOf,
    lockStore: catalog.locks,
    // The tree knows how much each of its places takes, and says what to do with more.
    limits: { putBytes: Number.MAX_SAFE_INTEGER },
  });
  const events = new EventFeed({ catalog, queue, admission, streams: () => streams.snapshot(), clock, log });
  const api = createApiHandler({
    catalog,
    queue,
    events,
    admissionSettings,
    intake,
    admission,
    streams: () => streams.snapshot(),
    recentStreams: () => streams.recent(),
    streamTotals: () => streams.totals,
    providers: () => pool.snapshot(),
    hedges: () => pool.hedges,
    waits: () => ({ ...pool.waitedMs, job: admission.jobWaitMs }),
    cache: () => cache.stats(),
    disk: () => disk?.stats(),
    damage: () => damage.totals,
    timings,
    verify: (path, cancel) => {
      cache.forgetHoles();
      return verify({ catalog, source: pool }, path, cancel);
    },
    damagePolicy: streaming.damage,
    speedTests: {
      test: (name, wish, cancel) => speedTests.test(name, wish, cancel),
      testGuest: (guest, wish, cancel) => speedTests.testGuest(toProviderOptions(guest), wish, cancel),
    },
    appPasswords,
    authorize: (req) => authenticator.authenticate(req, addressOf(req), apiKeyIn(req)),
    isMigrated: () => catalog.isMigrated(),
    version: VERSION,
    log,
    clock,
  });
  const pauseTimer = closers.use(startPauseTimer({ settings: catalog.settings, queue, clock }));
  const sab = createSabHandler({
    ...{ catalog, intake, queue, rules, parser, pauseTimer, meter, warnings, space, clock, log },
    completed: config.completed,
    providers: () => pool.snapshot(),
    authorize: authorizeWith((request, req, key) => authenticator.authenticate(request, addressOf(req), key)),
  });
  const page = createPageHandler();

  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (extraHandler?.(req, res) === true) return;
    if (isDav(req)) return dav(req, res);
    if (await api(req, res)) return;
    if (await sab(req, res)) return;
    if (isPage(req)) {
      // The page holds no secret, but a login asked for here is remembered by the browser for the calls that the page makes.
      const verdict = await authenticator.authenticate(req, addressOf(req));
      if (!("user" in verdict)) {
        for (const [name, value] of Object.entries(verdict.headers)) res.setHeader(name, value);
        res.writeHead(verdict.status).end(`${verdict.message}\n`);
        return;
      }
      if (page(req, res)) return;
    }
    // OPTIONS at `/` and everything unknown: the protocol has an answer for both.
    await dav(req, res);
  };
  return { answer, events };
}

function apiKeyIn(req: IncomingMessage): string | undefined {
  const query = req.url?.split("?")[1];
  return query === undefined ? undefined : (new URLSearchParams(query).get("apikey") ?? undefined);
}

function isPage({ method, url = "" }: IncomingMessage): boolean {
  return (method === "GET" || method === "HEAD") && /^\/(?:ui\/|\?|$)/.test(url);
}

function isDav(req: IncomingMessage): boolean {
  return /^\/dav(?:[/?]|$)/.test(req.url ?? "");
}
