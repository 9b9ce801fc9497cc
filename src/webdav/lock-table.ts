import { randomUUID } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import type { DavPath } from "./tree.ts";

/** A write lock: RFC 4918 section 6. */
export interface Lock {
  /** `urn:uuid:...` or `opaquelocktoken:...`, without angle brackets. */
  readonly token: string;
  /** Its root. */
  readonly path: DavPath;
  readonly depth: "0" | "infinity";
  readonly scope: "exclusive" | "shared";
  /** The DAV:owner element as the client sent it, able to stand in any answer; empty without one. */
  readonly owner: string;
  /** Only this user may use the token. */
  readonly user: string;
  /** Seconds that each refresh is good for. */
  readonly timeoutS: number;
  /** Milliseconds since 1970, since locks outlive the process. */
  readonly expiresAt: number;
}

/** A lock that somebody would like to have. */
export type LockWish = Omit<Lock, "token" | "expiresAt">;

/** Where locks are kept while the process is not there. Each call is one short transaction. */
export interface LockStore {
  load(): readonly Lock[];
  /** New, or refreshed: the token says which. */
  save(lock: Lock): void;
  delete(tokens: readonly string[]): void;
}

/** What became of a wish; `locks` are those in its way, some of them if there are many. */
export type LockOutcome =
  | { readonly kind: "granted"; readonly lock: Lock }
  | { readonly kind: "conflict"; readonly locks: readonly Lock[] };

export const MAX_LOCKS = 10_000;
export const MAX_LOCKS_PER_USER = 1_000;
/** Locks that one resource can be under: as many are told of for every member of a listing. */
export const MAX_LOCKS_PER_RESOURCE = 16;

const NO_STORE: LockStore = { load: () => [], save() {}, delete() {} };
const NONE: readonly Lock[] = [];
const SECOND = 1000;

/** One path segment on the way to a lock, or to several. */
interface Place {
  readonly locks: Lock[];
  readonly members: Map<string, Place>;
}

/**
 * Who holds what: RFC 4918 sections 6 and 7. A lookup walks down one path and costs as much as that path is long, however many locks
 * there are, and nothing when there are none. Locks end when their time is over by the clock's `wall()`; there are no timers: whoever
 * comes across such a lock clears it away. What cannot be stored does not happen.
 */
export class LockTable {
  readonly #store: LockStore;
  readonly #clock: Clock;
  readonly #root: Place = createPlace();
  readonly #byToken = new Map<string, Lock>();
  readonly #byUser = new Map<string, number>();
  /** Tokens of locks that are over, still to be deleted from the store. */
  #over: string[] = [];
  #visits = 0;

  constructor(store: LockStore = NO_STORE, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    const now = clock.wall();
    for (const lock of store.load()) {
      if (lock.expiresAt <= now) this.#over.push(lock.token);
      // A clock that was set back would make it last for longer than anybody asked for.
      else this.#insert({ ...lock, expiresAt: Math.min(lock.expiresAt, now + lock.timeoutS * SECOND) });
    }
  }

  /** Locks, and the path segments that lookups have gone through since the start. */
  stats(): { readonly locks: number; readonly visits: number } {
    return { locks: this.#byToken.size, visits: this.#visits };
  }

  /** The locks that `path` is in the scope of: those on itself, and those of depth infinity on what it lies in. */
  covering(path: DavPath): readonly Lock[] {
    if (this.#byToken.size === 0) return NONE;
    const found: Lock[] = [];
    let place: Place | undefined = this.#root;
    for (let depth = 0; place !== undefined; depth += 1) {
      const isSelf = depth === path.length;
      for (const lock of this.#liveAt(place)) if (isSelf || lock.depth === "infinity") found.push(lock);
      if (isSelf) break;
      place = place.members.get(path[depth] as string);
    }
    return found;
  }

  /** The locks whose roots lie below `path`, one by one. */
  *below(path: DavPath): Generator<Lock, void, undefined> {
    if (this.#byToken.size === 0) return;
    const start = this.#placeAt(path);
    const open = start === undefined ? [] : [...start.members.values()];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      yield* [...this.#liveAt(place)];
      for (const member of place.members.values()) open.push(member);
    }
  }

  /**
   * RFC 4918 section 6.1: an exclusive lock bears no other one within its scope, a shared lock bears shared ones. Throws RequestError
   * NOT_READY when there are too many.
   */
  grant(wish: LockWish): LockOutcome {
    const locks = this.#inTheWayOf(wish);
    if (locks.length > 0) return { kind: "conflict", locks };
    this.#makeRoomFor(wish);
    const expiresAt = this.#clock.wall() + wish.timeoutS * SECOND;
    const lock: Lock = { ...wish, token: `urn:uuid:${randomUUID()}`, expiresAt };
    this.#forgetOver();
    this.#store.save(lock);
    this.#insert(lock);
    return { kind: "granted", lock };
  }

  /** The same lock, good for `timeoutS` from now on. */
  refresh(lock: Lock, timeoutS: number): Lock {
    const refreshed = { ...lock, timeoutS, expiresAt: this.#clock.wall() + timeoutS * SECOND };
    this.#store.save(refreshed);
    this.#drop([lock]);
    this.#insert(refreshed);
    return refreshed;
  }

  release(lock: Lock): void {
    this.#store.delete([lock.token]);
    this.#drop([lock]);
  }

  /** What was at `path` is gone, with everything below, and so are the locks on it: RFC 4918 sections 9.6 and 7.6. */
  forget(path: DavPath): void {
    const at = this.#byToken.size === 0 ? undefined : this.#placeAt(path);
    if (at === undefined) return;
    this.#forgetLocks([...this.#liveAt(at), ...this.below(path)]);
  }

  /** The same for what stood below `path` alone: a lock on a name stays when a COPY or MOVE puts something else there. */
  forgetBelow(path: DavPath): void {
    this.#forgetLocks([...this.below(path)]);
  }

  #forgetLocks(locks: readonly Lock[]): void {
    if (locks.length === 0) return;
    this.#store.delete(locks.map(({ token }) => token));
    this.#drop(locks);
  }

  #inTheWayOf({ path, depth, scope }: LockWish): readonly Lock[] {
    const isInTheWay = (lock: Lock) => scope === "exclusive" || lock.scope === "exclusive";
    const above = this.covering(path).filter(isInTheWay);
    if (above.length > 0 || depth === "0") return above;
    for (const lock of this.below(path)) if (isInTheWay(lock)) return [lock];
    return NONE;
  }

  #makeRoomFor({ path, depth, user }: LockWish): void {
    if (this.#byToken.size >= MAX_LOCKS || (this.#byUser.get(user) ?? 0) >= MAX_LOCKS_PER_USER) this.#sweep();
    if (this.#byToken.size >= MAX_LOCKS) throw tooMany(`there are ${MAX_LOCKS} locks already`);
    if ((this.#byUser.get(user) ?? 0) >= MAX_LOCKS_PER_USER) {
      throw tooMany(`this login holds ${MAX_LOCKS_PER_USER} locks already`);
    }
    const isCrowded = (at: DavPath) => this.covering(at).length >= MAX_LOCKS_PER_RESOURCE;
    if (isCrowded(path)) throw tooMany("this resource has enough shared locks");
    if (depth === "0") return;
    for (const { path: member } of this.below(path)) {
      if (isCrowded(member)) throw tooMany("a member of this collection has enough shared locks");
    }
  }

  /** The locks of one place whose time is not over; the others are cleared away. */
  #liveAt(place: Place): readonly Lock[] {
    this.#visits += 1;
    if (place.locks.length === 0) return NONE;
    const now = this.#clock.wall();
    const over = place.locks.filter((lock) => lock.expiresAt <= now);
    if (over.length > 0) this.#end(over);
    return place.locks;
  }

  #sweep(): void {
    const now = this.#clock.wall();
    this.#end([...this.#byToken.values()].filter((lock) => lock.expiresAt <= now));
  }

  #end(locks: readonly Lock[]): void {
    this.#drop(locks);
    for (const { token } of locks) this.#over.push(token);
  }

  #forgetOver(): void {
    if (this.#over.length === 0) return;
    this.#store.delete(this.#over);
    this.#over = [];
  }

  #placeAt(path: DavPath): Place | undefined {
    let place: Place | undefined = this.#root;
    for (const name of path) place = place?.members.get(name);
    return place;
  }

  #insert(lock: Lock): void {
    let place = this.#root;
    for (const name of lock.path) {
      let member = place.members.get(name);
      if (member === undefined) {
        member = createPlace();
        place.members.set(name, member);
      }
      place = member;
    }
    place.locks.push(lock);
    this.#byToken.set(lock.token, lock);
    this.#byUser.set(lock.user, (this.#byUser.get(lock.user) ?? 0) + 1);
  }

  #drop(locks: readonly Lock[]): void {
    for (const lock of locks) {
      if (!this.#byToken.delete(lock.token)) continue;
      const left = (this.#byUser.get(lock.user) ?? 0) - 1;
      if (left > 0) this.#byUser.set(lock.user, left);
      else this.#byUser.delete(lock.user);
      removeFrom(this.#root, lock);
    }
  }
}

function createPlace(): Place {
  return { locks: [], members: new Map() };
}

/** With every place on the way that is then good for nothing. */
function removeFrom(root: Place, { token, path }: Lock): void {
  const way = [root];
  for (const name of path) way.push(way.at(-1)?.members.get(name) as Place);
  const locks = way.at(-1)?.locks as Lock[];
  locks.splice(
    locks.findIndex((lock) => lock.token === token),
    1,
  );
  for (let depth = path.length; depth > 0; depth -= 1) {
    const place = way[depth] as Place;
    if (place.locks.length > 0 || place.members.size > 0) return;
    way[depth - 1]?.members.delete(path[depth - 1] as string);
  }
}

function tooMany(why: string): RequestError {
  return new RequestError("NOT_READY", `no lock is given: ${why}`, {
    hint: "locks end when they are unlocked, or when their time is over",
  });
}
