import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { Clock } from "./base/clock.ts";
import { ConfigError, errorCode, errorMessage } from "./base/errors.ts";
import type { Logger } from "./base/logger.ts";

const LOOK_EVERY_MS = 60_000;
const MOST_BYTES = 1024 * 1024;

/** A certificate with its chain and the key that belongs to it, both PEM. */
export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface TlsFilesOptions {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Files with a key pair. Disposing ends what `follow` began. */
export interface TlsFiles extends Disposable {
  /** What the files held when they were opened. */
  readonly pair: KeyPair;
  /** From now on, `use` gets each pair that is put into the files and can be used. */
  follow(use: (pair: KeyPair) => void): void;
}

/**
 * Reads a certificate and its key, and looks once a minute, and at each SIGHUP, whether there are others. New ones that cannot be used
 * are logged, and the old ones stay. Throws ConfigError CONFIG_INVALID when the first ones cannot be used.
 */
export async function openTlsFiles(options: TlsFilesOptions): Promise<TlsFiles> {
  const { certFile, clock, log } = options;
  let known = await fingerprint(options);
  const pair = await loadKeyPair(options);
  let use: ((pair: KeyPair) => void) | undefined;
  let looking: Promise<void> = Promise.resolve();
  let timer: Disposable | undefined;

  async function look(isAsked: boolean): Promise<void> {
    const found = await fingerprint(options);
    if (found === known && !isAsked) return;
    // Bad files are reported once, not every minute.
    known = found;
    try {
      const next = await loadKeyPair(options);
      use?.(next);
      log.info({ certFile, validTo: new X509Certificate(next.cert).validTo }, "the TLS certificate was read anew");
    } catch (error) {
      log.warn({ certFile, reason: errorMessage(error) }, "the new TLS certificate cannot be used; the old one stays");
    }
  }
  const lookSoon = (isAsked: boolean) => {
    looking = looking.then(() => (use === undefined ? undefined : look(isAsked)));
  };
  const hangUp = () => lookSoon(true);

  return {
    pair,
    follow(consumer) {
      use = consumer;
      timer ??= clock.every(LOOK_EVERY_MS, () => lookSoon(false));
      process.off("SIGHUP", hangUp).on("SIGHUP", hangUp);
    },
    [Symbol.dispose]() {
      use = undefined;
      timer?.[Symbol.dispose]();
      process.off("SIGHUP", hangUp);
    },
  };
}

/** Changes whenever one of the files does, also when a link comes to point elsewhere. */
async function fingerprint({ certFile, keyFile }: TlsFilesOptions): Promise<string> {
  const parts = [certFile, keyFile].map(async (file) => {
    const found = await stat(file).catch(() => undefined);
    return found === undefined ? "none" : `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
  });
  return (await Promise.all(parts)).join("\n");
}

/** No message says more of a key than what is wrong with it. */
async function loadKeyPair({ certFile, keyFile }: TlsFilesOptions): Promise<KeyPair> {
  if (certFile === "" || keyFile === "") {
    throw invalid("TLS needs both a certificate and its key", "set tls.certFile and tls.keyFile, or neither of them");
  }
  const cert = await readSmall("tls.certFile", certFile);
  const key = await readSmall("tls.keyFile", keyFile);
  const certificate = parsed(() => new X509Certificate(cert));
  if (certificate === undefined) {
    throw invalid(`tls.certFile ${certFile} holds no certificate`, "it must be in PEM form, with its chain after it");
  }
  const privateKey = parsed(() => createPrivateKey(key));
  if (privateKey === undefined) {
    throw invalid(`tls.keyFile ${keyFile} holds no usable key`, "it must be in PEM form and without a passphrase");
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw invalid(
      `the key in ${keyFile} is not that of the certificate in ${certFile}`,
      "take both from the same place",
    );
  }
  if (parsed(() => createSecureContext({ cert, key })) === undefined) {
    throw invalid(`the certificate in ${certFile} cannot be used`, "it must be in PEM form, and its key long enough");
  }
  return { cert, key };
}

async function readSmall(setting: string, file: string): Promise<Buffer> {
  try {
    const found = await stat(file);
    if (!found.isFile()) throw new RangeError("it is no file");
    if (found.size > MOST_BYTES) throw new RangeError("it is larger than 1 MiB");
    return await readFile(file);
  } catch (error) {
    throw invalid(
      `${setting} ${file} cannot be read (${errorCode(error) ?? errorMessage(error)})`,
      "give its path, and let the user that newsreel runs as read it",
    );
  }
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

function invalid(message: string, hint: string): ConfigError {
  return new ConfigError("CONFIG_INVALID", message, { hint });
}
