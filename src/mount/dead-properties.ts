import { RequestError } from "../base/errors.ts";
import type { JobId } from "../catalog/jobs.ts";
import type { DeadProperty, PropertyChange } from "../webdav/tree.ts";
import type { XmlName } from "../webdav/xml.ts";

/** Of all properties of one entry, as they are stored. */
const MAX_BYTES = 64 * 1024;

/** What is stored with an entry of the catalog, as JSON. */
interface Notes {
  readonly properties?: readonly DeadProperty[];
  /** The import whose error text was deleted. */
  readonly dismissed?: JobId;
}

/** The dead properties in what is stored with an entry. */
export function deadProperties(stored: string | undefined): readonly DeadProperty[] {
  return notesOf(stored).properties ?? [];
}

/** What is to be stored after these changes; undefined for nothing. Throws FORBIDDEN beyond 64 KiB. */
export function withChanges(stored: string | undefined, changes: readonly PropertyChange[]): string | undefined {
  const { properties: before = [], ...rest } = notesOf(stored);
  const properties = changedProperties(before, changes);
  if (properties.length > 0) return JSON.stringify({ ...rest, properties });
  return Object.keys(rest).length === 0 ? undefined : JSON.stringify(rest);
}

/** The properties after these changes, in order. Throws FORBIDDEN beyond 64 KiB. */
export function changedProperties(
  properties: readonly DeadProperty[],
  changes: readonly PropertyChange[],
): readonly DeadProperty[] {
  const kept = new Map(properties.map((property) => [keyOf(property), property]));
  for (const change of changes) {
    if (change.kind === "remove") kept.delete(keyOf(change.name));
    else {
      const { namespace, local, xml } = change.property;
      kept.set(keyOf(change.property), { namespace, local, xml });
    }
  }
  const changed = [...kept.values()];
  if (Buffer.byteLength(JSON.stringify(changed)) > MAX_BYTES) {
    throw new RequestError("FORBIDDEN", `one entry may have ${MAX_BYTES / 1024} KiB of properties`, {
      hint: "remove some of its properties, or keep them in a file beside it",
    });
  }
  return changed;
}

/** The import whose error text was deleted. */
export function dismissedJob(stored: string | undefined): JobId | undefined {
  return notesOf(stored).dismissed;
}

/** What is to be stored once the error text of this import is deleted. */
export function withDismissed(stored: string | undefined, job: JobId): string {
  return JSON.stringify({ ...notesOf(stored), dismissed: job } satisfies Notes);
}

function notesOf(stored: string | undefined): Notes {
  return stored === undefined ? {} : (JSON.parse(stored) as Notes);
}

/** No XML name or namespace has a line feed in it. */
function keyOf({ namespace, local }: XmlName): string {
  return `${namespace}\n${local}`;
}
