import type { FileKind } from "./magic.ts";

/**
 * What a posted file is for.
 * payload: what the post is about, must exist. sample: a short excerpt. companion: useful to a viewer (subtitles, artwork). Either is payload
 * where there is nothing else. note: about the post. par2, nzb: become no entry.
 */
export type Role = "payload" | "sample" | "companion" | "note" | "par2" | "nzb";

export interface RoleClues {
  readonly name: string | undefined;
  /** What the first bytes say, once they are known; they outweigh the name. */
  readonly kind: FileKind | undefined;
  /** The file's share of the whole post, 0 to 1, by encoded size. */
  readonly share: number;
}

const COMPANION = /\.(?:srt|sub|idx|ass|ssa|vtt|sup|smi|jpe?g|png|gif|webp|tbn)$/i;
const NOTE = /\.(?:nfo|sfv|srr|srs|diz|txt|url|md5)$/i;
const SAMPLE = /(?:^|[^a-z])sample(?:[^a-z]|$)/i;
/** A file that is a larger share of its post is no sample, whatever it is called. */
const SAMPLE_SHARE = 0.2;

export function roleOf({ name = "", kind, share }: RoleClues): Role {
  if (kind?.extension === "par2" || kind?.extension === "nzb") return kind.extension;
  if (kind === undefined && /\.par2$/i.test(name)) return "par2";
  if (kind === undefined && /\.nzb$/i.test(name)) return "nzb";
  if (share <= SAMPLE_SHARE && SAMPLE.test(name)) return "sample";
  if (NOTE.test(name)) return "note";
  return COMPANION.test(name) ? "companion" : "payload";
}

/** Whether a file, given by its path in a release, is called a sample, or lies in a folder of samples. */
export function isCalledSample(path: string): boolean {
  const folders = path.split("/");
  const name = folders.pop() as string;
  return SAMPLE.test(name) || folders.some((folder) => /^samples?$/i.test(folder));
}

/** Whether such a file is shown in the release. */
export function isEntry(role: Role): boolean {
  return role !== "par2" && role !== "nzb";
}

/** The roles with samples, or else companions, raised to payload when nothing else could be: songs may be called samples, too. */
export function withPayload(roles: readonly Role[]): readonly Role[] {
  if (roles.includes("payload")) return roles;
  const raised = roles.includes("sample") ? "sample" : "companion";
  return roles.map((role) => (role === raised ? "payload" : role));
}

/** What there is, for people: `3 par2, 1 note`. */
export function inventory(roles: readonly Role[]): string {
  const counts = new Map<Role, number>();
  for (const role of roles) counts.set(role, (counts.get(role) ?? 0) + 1);
  return [...counts].map(([role, count]) => `${count} ${role}`).join(", ");
}
