import type { PostedFile } from "../../../src/newsserver/posted-file.ts";
import { eventually, type JobAnswer, type Product, urlPath } from "../../process/product.ts";

/** An NZB, under the name that it is imported as into the category `test`. */
export interface Post {
  readonly name: string;
  readonly files: readonly PostedFile[];
  readonly nzb: string;
}

/** A whole number from `least` on, below `most`. */
export type Whole = (least: number, most: number) => number;

/** Waits until all imports have ended; then every post must be one completed import and one release, which holds its bytes. Says what is not so. */
export async function lookAtAll(product: Product, posts: readonly Post[], whole: Whole): Promise<readonly string[]> {
  const jobs = await eventually("all imports end", async () => {
    const all = await jobsOf(product, posts.length);
    return all.every(({ state }) => state === "completed" || state === "failed") ? all : undefined;
  });
  const ends = jobs.map(({ name, state }) => `${name} ${state}`);
  const folder = await product.json<{ entries: { name: string }[] }>("/api/v1/library?path=/library/test&limit=500");
  const releases = folder.entries.map(({ name }) => name);
  const names = posts.map(({ name }) => name);
  const broken = [
    ...differences(
      "imports",
      ends,
      names.map((name) => `${name} completed`),
    ),
    ...differences("releases", releases, names),
  ];
  for (const post of posts) broken.push(...(await lookAt(product, post, whole)));
  return broken;
}

/** All imports, where there should be so many. */
export async function jobsOf(product: Product, count: number): Promise<readonly JobAnswer[]> {
  const limit = Math.min(500, count * 2);
  return (await product.json<{ imports: JobAnswer[] }>(`/api/v1/imports?limit=${limit}`)).imports;
}

/** Every file stands in the WebDAV listing with its size, and a range of it holds the right bytes. */
async function lookAt(product: Product, { name, files }: Post, whole: Whole): Promise<readonly string[]> {
  const path = `/dav/library/test/${name}/`;
  const listing = await product.request(path, { method: "PROPFIND", headers: { Depth: "1" } });
  const found = listing.body
    .toString()
    .split("<D:response>")
    .flatMap((response) => {
      const [, size] = /<D:getcontentlength>(\d+)</.exec(response) ?? [];
      const [, last = ""] = /<D:href>[^<]*\/([^<]*)</.exec(response) ?? [];
      return size === undefined ? [] : [`${decodeURIComponent(last)} ${size}`];
    });
  const broken = [
    ...differences(
      `files of ${name}`,
      found,
      files.map((file) => `${file.name} ${file.size}`),
    ),
  ];
  for (const file of files) {
    const start = whole(0, file.size);
    const end = whole(start, file.size) + 1;
    const headers = { Range: `bytes=${start}-${end - 1}` };
    const { status, body } = await product.request(urlPath(path + file.name), { headers });
    const isRight = status === 206 && body.equals(file.content.read(start, end - start));
    if (!isRight) broken.push(`bytes ${start} to ${end} of ${file.name} are wrong (${status})`);
  }
  return broken;
}

function differences(what: string, found: readonly string[], wanted: readonly string[]): readonly string[] {
  const [left, right] = [[...found].sort(), [...wanted].sort()];
  if (left.join("\n") === right.join("\n")) return [];
  const extra = left.filter((one, index) => !right.includes(one) || left.indexOf(one) !== index);
  const missing = right.filter((one) => !left.includes(one));
  return [`${what}: ${missing.join(", ") || "nothing"} missing; ${extra.join(", ") || "nothing"} too much`];
}
