import type { Entry } from "../catalog/catalog.ts";
import type { DavEntry } from "../webdav/tree.ts";
import { contentType } from "./content-type.ts";
import { deadProperties } from "./dead-properties.ts";

/** An entry of the catalog as clients are told of it. */
export function toDav(entry: Entry): DavEntry {
  const isFile = entry.kind === "file";
  const properties = deadProperties(entry.properties);
  return {
    kind: isFile ? "resource" : "collection",
    name: entry.name,
    size: entry.size,
    createdAt: entry.createdAt,
    modifiedAt: entry.modifiedAt,
    etag: entry.contentTag,
    contentType: isFile ? contentType(entry.name) : "",
    ...(properties.length === 0 ? {} : { properties }),
  };
}

/** A collection that stands for no row of the catalog. */
export function folder(name: string, times: { readonly createdAt: number; readonly modifiedAt: number }): DavEntry {
  const { createdAt, modifiedAt } = times;
  return { kind: "collection", name, size: 0, createdAt, modifiedAt, etag: "", contentType: "" };
}
