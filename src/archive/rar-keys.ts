/**
 * The passwords of one import and the keys that were derived from them. RAR5's derivations run in Node's thread pool; RAR3's run here in
 * slices of less than a millisecond, with long passwords in a thread of their own that lives as long as one derivation. Nothing to close.
 */

import { createHash, pbkdf2 } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { onAbort } from "../base/abort.ts";
import { ConfigError, errorCode } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { deriveRar3Key, LONG_PASSWORD_UNITS, type Rar3Key } from "./rar3-kdf.ts";
import { refusal } from "./refusals.ts";

const pbkdf2Async = promisify(pbkdf2);
/** RAR cuts passwords there. */
const MAX_PASSWORD_UNITS = 127;
/** More than 8000 derivations of RAR5's usual 2^15, or about a minute. */
const MAX_ROUNDS = 2 ** 28;
/** A round of RAR3's is far cheaper than one of RAR5's. */
const RAR3_COST = 2 ** 17;

export interface RarKeysOptions {
  /** The built rar3-worker.js, when that is not beside this file. */
  readonly workerUrl?: URL;
  /** Rounds that all derivations together may cost, RAR5's as they are and each of RAR3's as 2^17; 2^28 unless given. */
  readonly maxRounds?: number;
}

/** What a derivation from RAR5's password needs besides it. */
export interface Rar5Salt {
  readonly salt: Uint8Array;
  readonly log2Rounds: number;
}

export class RarKeys {
  readonly #passwords: readonly string[];
  readonly #workerUrl: URL;
  readonly #maxRounds: number;
  readonly #derived = new Map<string, Promise<unknown>>();
  readonly #opened = new Map<string, string>();
  #latest: string | undefined;
  #rounds = 0;

  /** Passwords in the order in which to try them; exactly as they were given, since every character counts. */
  constructor(passwords: readonly string[], { workerUrl, maxRounds }: RarKeysOptions = {}) {
    const cut = passwords.map((password) => password.slice(0, MAX_PASSWORD_UNITS));
    this.#passwords = [...new Set(cut)].filter((password) => password !== "");
    this.#maxRounds = maxRounds ?? MAX_ROUNDS;
    this.#workerUrl = workerUrl ?? new URL("./rar3-worker.js", import.meta.url);
  }

  /** How many passwords there are to try. */
  get count(): number {
    return this.#passwords.length;
  }

  /** Keys derived so far. */
  get derivations(): number {
    return this.#derived.size;
  }

  /** All passwords: the one that is known to fit this salt, the one that fitted last, then in their order. */
  inOrder(salt: Uint8Array): readonly string[] {
    const likely = [this.#opened.get(hex(salt)), this.#latest];
    return [...new Set([...likely, ...this.#passwords])].filter((password) => password !== undefined);
  }

  /** Something under this salt was opened, so what has the same salt is tried with the same password first. */
  confirm(password: string, salt: Uint8Array): void {
    this.#opened.set(hex(salt), password);
    this.#latest = password;
  }

  /** Whether this is the password that opened something last. */
  isLatest(password: string): boolean {
    return this.#latest === password;
  }

  isConfirmed(password: string, salt: Uint8Array): boolean {
    return this.#opened.get(hex(salt)) === password;
  }

  /** RAR3's key and IV. */
  rar3(password: string, salt: Uint8Array, cancel: Cancel): Promise<Rar3Key> {
    return this.#once(`3 ${hex(salt)} ${password}`, RAR3_COST, () =>
      password.length < LONG_PASSWORD_UNITS
        ? deriveHere(password, salt, cancel)
        : deriveInThread(password, salt, this.#workerUrl, cancel),
    );
  }

  /** RAR5's AES key. */
  rar5Key(password: string, { salt, log2Rounds }: Rar5Salt): Promise<Buffer> {
    return this.#rar5(password, salt, 2 ** log2Rounds);
  }

  /** The 8 bytes that RAR5 keeps to tell a wrong password. */
  async rar5Check(password: string, { salt, log2Rounds }: Rar5Salt): Promise<Buffer> {
    const long = await this.#rar5(password, salt, 2 ** log2Rounds + 32);
    const check = Buffer.alloc(8);
    for (const [at, byte] of long.entries()) check[at % 8] = (check[at % 8] as number) ^ byte;
    return check;
  }

  #rar5(password: string, salt: Uint8Array, rounds: number): Promise<Buffer> {
    return this.#once(`5 ${rounds} ${hex(salt)} ${password}`, rounds, () =>
      pbkdf2Async(password, salt, rounds, 32, "sha256"),
    );
  }

  #once<T>(name: string, cost: number, derive: () => Promise<T>): Promise<T> {
    const known = this.#derived.get(name);
    if (known) return known as Promise<T>;
    this.#rounds += cost;
    if (this.#rounds > this.#maxRounds) return Promise.reject(tooMuch());
    const derived = derive();
    this.#derived.set(name, derived);
    // A derivation that was given up does not stand for its key.
    derived.catch(() => this.#derived.delete(name));
    return derived;
  }
}

/** The check value of a header, if its own checksum shows it to be whole. */
export function guardedCheck(check: Uint8Array, guard: Uint8Array): Buffer | undefined {
  const expected = createHash("sha256").update(check).digest().subarray(0, 4);
  return expected.equals(guard) ? Buffer.from(check) : undefined;
}

async function deriveHere(password: string, salt: Uint8Array, { signal }: Cancel): Promise<Rar3Key> {
  const derivation = deriveRar3Key(password, salt);
  for (;;) {
    const step = derivation.next();
    if (step.done) return step.value;
    await nextTurn();
    signal.throwIfAborted();
  }
}

function deriveInThread(password: string, salt: Uint8Array, url: URL, { signal }: Cancel): Promise<Rar3Key> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const worker = new Worker(url, { workerData: { password, salt: Uint8Array.from(salt) } });
    const leaving = onAbort(signal, () => {
      reject(signal.reason);
      void worker.terminate();
    });
    worker.once("message", ({ key, iv }: { key: Uint8Array; iv: Uint8Array }) =>
      resolve({ key: Buffer.from(key), iv: Buffer.from(iv) }),
    );
    worker.once("error", (error) => reject(lossError(error)));
    worker.once("exit", () => {
      leaving[Symbol.dispose]();
      reject(new Error("the thread that derives a rar key ended without one"));
    });
  });
}

function lossError(cause: unknown): Error {
  const code = errorCode(cause);
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
    return new ConfigError("INSTALL_INCOMPLETE", "the rar key worker's file is missing", {
      hint: "build or install the program again",
      cause,
    });
  }
  return new Error("the thread that derives a rar key died", { cause });
}

function tooMuch(): Error {
  return refusal("ARCHIVE_ENCRYPTED", "its keys cost more to derive than those of any real archive");
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
