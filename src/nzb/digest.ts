import { createHash, type Hash } from "node:crypto";
import type { SegmentList } from "../base/segment-list.ts";

const STAGE_BYTES = 64 * 1024;
const U32_BYTES = 4;

/**
 * `Nzb.digest`: sha256 over the files in order. Each is the number of its parts and of its alternates, then for each part where its id
 * ends among the ids (all of these as 32 bits, little endian), the ids, and `index id` with LF for each alternate. The numbers keep
 * ids and files apart, so only equal posts hash the same bytes.
 */
export class PostDigest {
  readonly #hash: Hash = createHash("sha256");
  /** Small pieces are gathered: one update costs more than copying a few hundred bytes. */
  readonly #stage = Buffer.allocUnsafeSlow(STAGE_BYTES);
  #staged = 0;

  add(segments: SegmentList): void {
    const { ids, idEnds, alternates } = segments.packed;
    this.#number(idEnds.length);
    this.#number(alternates.length);
    for (let index = 0; index < idEnds.length; index += 1) this.#number(idEnds[index] as number);
    this.#bytes(ids);
    for (const [index, id] of alternates) this.#bytes(Buffer.from(`${index} ${id}\n`, "latin1"));
  }

  hex(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  #number(value: number): void {
    if (this.#staged + U32_BYTES > STAGE_BYTES) this.#flush();
    this.#staged = this.#stage.writeUInt32LE(value, this.#staged);
  }

  #bytes(bytes: Uint8Array): void {
    if (this.#staged + bytes.length > STAGE_BYTES) this.#flush();
    if (bytes.length > STAGE_BYTES) this.#hash.update(bytes);
    else {
      this.#stage.set(bytes, this.#staged);
      this.#staged += bytes.length;
    }
  }

  #flush(): void {
    this.#hash.update(this.#stage.subarray(0, this.#staged));
    this.#staged = 0;
  }
}
