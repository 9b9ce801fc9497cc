import type { MessageId } from "../../src/base/message-id.ts";
import type { Slot } from "../../src/base/slot.ts";
import type { Extent, ExtentMap, Segment } from "../../src/catalog/catalog.ts";
import type { ArticleSource, FetchOptions, Presence } from "../../src/nntp/article-source.ts";
import type { PartInfo } from "../../src/yenc/part-info.ts";

/** One call of `body`, under the test's control. */
export interface PendingBody {
  readonly id: MessageId;
  readonly options: FetchOptions;
  /** Decodes bytes [0, filled) of the content and reports them. */
  progress(filled: number): void;
  /** The attempt has failed; another one fills the slot anew. */
  restart(content?: Buffer): Promise<void>;
  finish(): void;
  fail(error: unknown): void;
}

/** Articles in memory, answered when the test says so; counts every call. */
export class FakeSource implements ArticleSource {
  readonly calls: PendingBody[] = [];
  readonly fetched = new Map<string, number>();
  readonly aborted: string[] = [];
  /** Answers at once when set. */
  isOpen = false;
  readonly #contents: ReadonlyMap<string, Buffer>;
  #running = 0;
  #most = 0;

  constructor(contents: ReadonlyMap<string, Buffer>) {
    this.#contents = contents;
  }

  get running(): number {
    return this.#running;
  }

  get most(): number {
    return this.#most;
  }

  body(id: MessageId, into: Slot, options: FetchOptions): Promise<PartInfo> {
    this.fetched.set(id, (this.fetched.get(id) ?? 0) + 1);
    this.#running += 1;
    this.#most = Math.max(this.#most, this.#running);
    return new Promise((resolve, reject) => {
      let content = this.#contents.get(id) ?? Buffer.alloc(0);
      let isSettled = false;
      const settle = () => {
        if (isSettled) return false;
        isSettled = true;
        this.#running -= 1;
        options.signal.removeEventListener("abort", leave);
        return true;
      };
      const leave = () => {
        this.aborted.push(id);
        if (settle()) reject(options.signal.reason);
      };
      options.signal.addEventListener("abort", leave, { once: true });
      const call: PendingBody = {
        id,
        options,
        progress: (filled) => {
          if (isSettled) return;
          content.copy(into.bytes, 0, 0, filled);
          options.onProgress?.(filled);
        },
        restart: async (other) => {
          await options.onRestart?.();
          content = other ?? content;
        },
        finish: () => {
          if (!settle()) return;
          content.copy(into.bytes);
          resolve({
            size: content.length,
            begin: options.expect?.begin,
            partNumber: undefined,
            totalParts: undefined,
            fileSize: undefined,
            name: undefined,
            isChecked: true,
          });
        },
        fail: (error) => {
          if (settle()) reject(error);
        },
      };
      this.calls.push(call);
      if (this.isOpen) call.finish();
    });
  }

  async stat(): Promise<Presence> {
    return "unknown";
  }
}

/** A file of `count` segments of `size` bytes with content that is a function of its offset, and a source that has them. */
export function madeFile(count: number, size: number) {
  const bytes = Buffer.alloc(count * size);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (at * 31 + (at >> 8) * 7 + (at >> 16)) & 255;
  const segments = Array.from(
    { length: count },
    (_, index): Segment => ({
      id: `part${index}@test` as MessageId,
      alternates: [],
      begin: index * size,
      size,
      encodedSize: size,
    }),
  );
  const map: ExtentMap = {
    size: bytes.length,
    at(offset): Extent {
      const index = Math.floor(offset / size);
      return { start: index * size, end: (index + 1) * size, skip: 0, segment: segments[index] as Segment };
    },
  };
  const contents = new Map(
    segments.map((segment, index) => [segment.id as string, bytes.subarray(index * size, (index + 1) * size)]),
  );
  return { bytes, segments, map, source: new FakeSource(contents) };
}

/** Lets every promise that can settle do so. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
