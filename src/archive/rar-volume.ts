import type { ByteRange } from "../base/byte-range.ts";
import type { FormatError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { HeaderBudget } from "./header-reader.ts";
import type { RarKeys } from "./rar-keys.ts";

/** How a member's data is encrypted, as its header says it. */
export type RarEncryption =
  /** RAR3's AES-128-CBC; an archive may leave the salt out. */
  | { readonly kind: "rar3"; readonly salt: Buffer }
  /** RAR5's AES-256-CBC; `check` is the 8-byte password check, where it is there and whole. */
  | {
      readonly kind: "rar5";
      readonly salt: Buffer;
      readonly iv: Buffer;
      readonly log2Rounds: number;
      readonly check: Buffer | undefined;
    }
  | { readonly kind: "unsupported"; readonly why: string };

/** What one volume holds of one member: a file header and the data behind it. */
export interface RarPart {
  /** As it is written in the archive, `/` between folders; not to be trusted. */
  readonly path: string;
  /** Bytes of the whole member unpacked, the same in all its parts; undefined when the archive does not say. */
  readonly size: number | undefined;
  /** Where this part's data lies in the volume; it may end beyond a volume that is cut short. */
  readonly data: ByteRange;
  readonly continuedFrom: boolean;
  readonly continuesIn: boolean;
  /** 0 is stored, 1 to 5 are compressed. */
  readonly method: number;
  readonly encryption: RarEncryption | undefined;
  /** Of the plaintext in a member's last part, of this part's bytes in the others; undefined when absent or keyed. */
  readonly crc32: number | undefined;
  readonly modifiedAt: number | undefined;
  /** A link points to another path and has no bytes of its own; a copy has those of another member, `target`. */
  readonly kind: "file" | "directory" | "link" | "copy";
  readonly target: string | undefined;
}

/** The headers of one volume, or of an archive that is a single file. */
export interface RarVolume {
  readonly format: 4 | 5;
  /** False for an archive that is a single file. */
  readonly isVolume: boolean;
  /** Its place in the set, from 0; RAR4 writes it at the end only, so it is unknown until that was read. */
  readonly number: number | undefined;
  /** The header says so; RAR before 3.0 never does. */
  readonly isFirst: boolean;
  /** The volume itself says that another one follows. */
  readonly hasNext: boolean;
  readonly isSolid: boolean;
  readonly encryptedHeaders: boolean;
  readonly parts: readonly RarPart[];
  /** Where reading stopped: behind the end block, or at the end of the data of a part that continues. */
  readonly restAt: number;
  readonly hasEndBlock: boolean;
  /** What made reading stop early; parts that were found before it are good. */
  readonly damage: FormatError | undefined;
}

/** What reading the headers of one import shares. */
export interface RarContext extends Cancel {
  readonly budget: HeaderBudget;
  readonly keys: RarKeys;
}

/** More members than this in one volume is not a real archive. */
export const MAX_PARTS = 50_000;
