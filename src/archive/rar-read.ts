import { FormatError } from "../base/errors.ts";
import type { Volume } from "./archive.ts";
import type { RarContext, RarVolume } from "./rar-volume.ts";
import { RarWindow } from "./rar-window.ts";
import { readRar4, readRar4End } from "./rar4.ts";
import { readRar5 } from "./rar5.ts";
import { malformed } from "./refusals.ts";

const RAR4 = Buffer.from("526172211a0700", "hex");
const RAR5 = Buffer.from("526172211a070100", "hex");
const COMMON = RAR4.subarray(0, 6);
const RAR14 = Buffer.from("52457e5e", "hex");
/** Programs and pictures that an archive may hang behind. */
const CARRIERS = [Buffer.from("MZ"), Buffer.from("\x7fELF"), Buffer.from("ffd8ff", "hex")];
const SCAN_BYTES = 2 ** 20;
const SCAN_STEP = 64 * 1024;
/** A program that unpacks archives names the signature itself. */
const MAX_CANDIDATES = 16;

/**
 * The headers of one RAR volume: 4 KiB from its beginning, and as much again where a member ends inside of it. Throws ARCHIVE_MALFORMED
 * (also when it is no RAR at all), ARCHIVE_INCOMPLETE or ARCHIVE_ENCRYPTED when nothing of it can be used.
 */
export async function readRarVolume(volume: Volume, context: RarContext): Promise<RarVolume> {
  const window = new RarWindow(volume, context);
  const head = await window.bytes(0, Math.min(RAR5.length, window.size));
  if (startsAs(head, COMMON)) return await readAt(window, 0, context);
  if (startsAs(head, RAR14)) throw malformed(`"${volume.name}" is of RAR 1.4, which is not read`);
  if (!CARRIERS.some((magic) => startsAs(head, magic))) throw noRar(volume);
  let failure: unknown = noRar(volume);
  for (const at of await scan(window)) {
    try {
      return await readAt(window, at, context);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** The same volume with its end block read; only RAR4 keeps something there that is nowhere else, the volume's number. */
export async function readRarEnd(volume: Volume, rar: RarVolume, context: RarContext): Promise<RarVolume> {
  return rar.format === 4 ? await readRar4End(new RarWindow(volume, context), rar, context) : rar;
}

async function readAt(window: RarWindow, at: number, context: RarContext): Promise<RarVolume> {
  const signature = await window.bytes(at, Math.min(RAR5.length, window.size - at));
  if (startsAs(signature, RAR5)) return await readRar5(window, at + RAR5.length, context);
  if (startsAs(signature, RAR4)) return await readRar4(window, at + RAR4.length, context);
  throw window.malformed("belongs to a version of RAR that is not known");
}

/** Where in the first MiB a signature stands. */
async function scan(window: RarWindow): Promise<number[]> {
  const found: number[] = [];
  const end = Math.min(SCAN_BYTES, window.size);
  for (let from = 0; from < end && found.length < MAX_CANDIDATES; from += SCAN_STEP) {
    const bytes = await window.bytes(from, Math.min(SCAN_STEP + COMMON.length - 1, window.size - from));
    for (let at = bytes.indexOf(COMMON); at >= 0; at = bytes.indexOf(COMMON, at + 1)) found.push(from + at);
  }
  return found.slice(0, MAX_CANDIDATES);
}

function startsAs(bytes: Buffer, magic: Buffer): boolean {
  return bytes.subarray(0, magic.length).equals(magic);
}

function noRar(volume: Volume): Error {
  return malformed(`"${volume.name}" does not begin like a rar archive`);
}
