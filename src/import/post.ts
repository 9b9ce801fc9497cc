import { FormatError } from "../base/errors.ts";
import type { SegmentList } from "../base/segment-list.ts";
import type { NzbFile } from "../nzb/nzb.ts";
import type { Probe, ProbeTarget } from "./article-probe.ts";
import { checkpoints, type Joined } from "./join.ts";
import type { FileKind } from "./magic.ts";
import type { PartMap } from "./part-map.ts";
import { PartMapper } from "./part-mapper.ts";
import { type Role, roleOf } from "./payload.ts";
import { nameParts } from "./safe-name.ts";

export interface PostOptions {
  readonly file: NzbFile;
  /** The file's own, or those of all members of a join. */
  readonly segments: SegmentList;
  /** Of the whole NZB, 0 to 1, by encoded size. */
  readonly share: number;
  /** Set when the post is made up of several `<file>` elements. */
  readonly joined?: Joined;
}

/** One posted file while it is imported: what was asked of its articles and what they said. */
export class Post {
  readonly file: NzbFile;
  readonly joined: Joined | undefined;
  readonly segments: SegmentList;
  readonly share: number;
  readonly #mapper: PartMapper;
  readonly #answers = new Map<number, Probe>();
  #kind: FileKind | undefined;
  #yencName: string | undefined;
  #failure: FormatError | undefined;

  constructor({ file, segments, share, joined }: PostOptions) {
    this.file = file;
    this.segments = segments;
    this.share = share;
    this.joined = joined;
    this.#mapper = new PartMapper(segments, joined === undefined ? [] : checkpoints(joined));
  }

  get role(): Role {
    const subject = this.file.name;
    const hasExtension = subject !== undefined && nameParts(subject).extension !== "";
    return roleOf({ name: hasExtension ? subject : (this.#yencName ?? subject), kind: this.#kind, share: this.share });
  }

  get kind(): FileKind | undefined {
    return this.#kind;
  }

  get yencName(): string | undefined {
    return this.#yencName;
  }

  /** What was learned so far, by index of the segment. */
  get answers(): ReadonlyMap<number, Probe> {
    return this.#answers;
  }

  /** As people know it, for messages. */
  get label(): string {
    return this.file.name ?? this.#yencName ?? "a file without a name";
  }

  /** Why its parts cannot be placed, if so. */
  get failure(): FormatError | undefined {
    return this.#failure;
  }

  /** Gives the file up. */
  fail(error: FormatError): void {
    this.#failure ??= error;
  }

  /** Segments to be read next; none when all is known, or when the articles contradict each other. */
  wanted(): readonly number[] {
    return this.#guarded(() => this.#mapper.wanted()) ?? [];
  }

  /** The map, or undefined when no article was found or they contradict each other. */
  map(): PartMap | undefined {
    return this.#guarded(() => this.#mapper.map());
  }

  target(index: number): ProbeTarget {
    const id = this.segments.idAt(index);
    const alternates = this.segments.alternatesAt(index);
    return {
      ids: id === undefined ? alternates : [id, ...alternates],
      encodedSize: this.segments.encodedSizeAt(index),
    };
  }

  learn(index: number, probe: Probe): void {
    this.#answers.set(index, probe);
    if (probe.state !== "found") {
      this.#mapper.learn(index, undefined);
      return;
    }
    this.#mapper.learn(index, probe.info);
    this.#yencName ??= probe.info.name;
    if (index === 0 && (probe.info.begin ?? 0) === 0) this.#kind = probe.kind;
  }

  #guarded<T>(work: () => T): T | undefined {
    if (this.#failure !== undefined) return undefined;
    try {
      return work();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.fail(error);
      return undefined;
    }
  }
}
