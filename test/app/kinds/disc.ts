import { bytesContent } from "../../../src/newsserver/content.ts";
import { discContent, TREE } from "../../archive/iso-fixture.ts";
import type { Named } from "./contents.ts";
import type { Served } from "./post-kind.ts";

/** What a release has of one of the disc images among the fixtures: the image, and beside it, in a folder of its name, the files in it. */
export function discFiles({ name, content }: Named): readonly Served[] {
  const folder = name.replace(/\.iso$/, "");
  const inside = [...TREE].map(([path, size]) => ({
    path: `${folder}/${path}`,
    content: bytesContent(discContent(path, size)),
  }));
  return [{ path: name, content }, ...inside];
}
