/** Where the bytes of a file lie as it was posted, run after run: its bytes from `starts[i]` on are bytes of post `posts[i]` from `begins[i]` on. */
export interface RunList {
  readonly starts: Float64Array;
  readonly posts: Float64Array;
  readonly begins: Float64Array;
  /** Bytes of all runs. */
  readonly size: number;
}

/** Bytes `[start, end)` of the post with the database id `post`. */
export interface PostRun {
  readonly post: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Runs as they are stored: per run the step from the last post (zigzag), the start in the post and the length, each as LEB128.
 * A thousand volumes are 7 kB.
 */
export function packRuns(runs: readonly PostRun[]): Buffer {
  const bytes: number[] = [];
  let last = 0;
  for (const { post, start, end } of runs) {
    const step = post - last;
    writeVarint(bytes, step < 0 ? step * -2 - 1 : step * 2);
    writeVarint(bytes, start);
    writeVarint(bytes, end - start);
    last = post;
  }
  return Buffer.from(bytes);
}

export function unpackRuns(stored: Uint8Array): RunList {
  const reader = { stored, at: 0 };
  const starts: number[] = [];
  const posts: number[] = [];
  const begins: number[] = [];
  let position = 0;
  let post = 0;
  while (reader.at < stored.length) {
    const zigzag = readVarint(reader);
    post += zigzag % 2 === 0 ? zigzag / 2 : (zigzag + 1) / -2;
    starts.push(position);
    posts.push(post);
    begins.push(readVarint(reader));
    position += readVarint(reader);
  }
  return {
    starts: Float64Array.from(starts),
    posts: Float64Array.from(posts),
    begins: Float64Array.from(begins),
    size: position,
  };
}

/** Plain arithmetic: sizes do not fit the 32 bits of JavaScript's shifts. */
function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

function readVarint(reader: { readonly stored: Uint8Array; at: number }): number {
  let value = 0;
  for (let scale = 1; reader.at < reader.stored.length; scale *= 128) {
    const byte = reader.stored[reader.at++] as number;
    value += (byte % 128) * scale;
    if (byte < 128) return value;
  }
  throw new RangeError("the stored runs of a file are cut short");
}
