import { type NamedPlace, namedPlace } from "./rar-names.ts";
import type { RarPart, RarVolume } from "./rar-volume.ts";

/** One volume that could be read, with all that says where it belongs. */
export interface Listed {
  /** Its place in the list that was given. */
  readonly index: number;
  readonly name: string;
  readonly fileSize: number;
  readonly place: NamedPlace | undefined;
  readonly rar: RarVolume;
}

export function listed(index: number, { name, fileSize, rar }: Pick<Listed, "name" | "fileSize" | "rar">): Listed {
  return { index, name, fileSize, rar, place: namedPlace(name) };
}

/** What all parts of one member have in common, and hardly ever with those of another. */
export function memberIdentity(part: RarPart): string {
  const { path, size, method, modifiedAt, encryption, kind } = part;
  const salt = encryption && "salt" in encryption ? encryption.salt.toString("hex") : encryption?.kind;
  return JSON.stringify([path, size, method, modifiedAt, salt, kind]);
}

/** The member that this volume goes on with, from the one before. */
export function headLink({ rar }: Listed): string | undefined {
  const first = rar.parts[0];
  return first?.continuedFrom ? memberIdentity(first) : undefined;
}

/** The member that goes on in the next volume. */
export function tailLink({ rar }: Listed): string | undefined {
  const last = rar.parts.at(-1);
  return last?.continuesIn ? memberIdentity(last) : undefined;
}
