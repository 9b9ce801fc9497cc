import type { System } from "../fixture.ts";

/** A file below a folder, as a WebDAV client sees it. */
export interface Listed {
  /** Encoded for a URL. */
  readonly href: string;
  readonly size: number;
}

/** All files below a folder, folder by folder, as clients list them. */
export async function filesBelow(system: System, folder: string): Promise<readonly Listed[]> {
  const { status, body } = await system.get(folder, { Depth: "1" }, "PROPFIND");
  if (status !== 207) throw new Error(`cannot list ${folder}: ${status}`);
  const found: Listed[] = [];
  for (const [, response = ""] of body.toString().matchAll(/<[\w:]*response>(.*?)<\/[\w:]*response>/gs)) {
    const href = /<[\w:]*href>(.*?)<\/[\w:]*href>/s.exec(response)?.[1]?.replaceAll("&amp;", "&") ?? "";
    if (href === folder) continue;
    const size = /<[\w:]*getcontentlength[^>]*>(\d+)</.exec(response)?.[1];
    if (size !== undefined) found.push({ href, size: Number(size) });
    else found.push(...(await filesBelow(system, href)));
  }
  return found;
}
