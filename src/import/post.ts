import { FormatError } from "../base/errors.ts";
import type { SegmentList } from "../base/segment-list.ts";
import type { NzbFile } from "../nzb/nzb.ts";
import type { Found, Probe, ProbeTarget } from "./article-probe.ts";
import { targetIn } from "./holes.ts";
import { checkpoints, type Joined } from "./join.ts";
import type { FileKind } from "./magic.ts";
import { isPlainName } from "./names.ts";
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
  #start: Pick<Found, "head" | "md5Of16k"> | undefined;
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

  /** What its first bytes were, once they were read. */
  get start(): Pick<Found, "head" | "md5Of16k"> | undefined {
    return this.#start;
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
    return this.#guarded(() => this.#mapper.wanted({ believes: this.#mayBeVolume })) ?? [];
  }

  /** Volumes are many, and nobody looks at their ends; films are few, and everybody does. */
  get #mayBeVolume(): boolean {
    const kind = this.#kind?.extension;
    if (kind !== undefined) return kind === "rar" || kind === "7z" || kind === "zip";
    return !isPlainName(this.file.name ?? this.#yencName ?? "");
  }

  /** The map, or undefined when no article was found or they contradict each other. */
  map(): PartMap | undefined {
    return this.#guarded(() => this.#mapper.map());
  }

  target(index: number): ProbeTarget {
    return targetIn(this.segments, index);
  }

  learn(index: number, probe: Probe): void {
    this.#answers.set(index, probe);
    if (probe.state !== "found") {
      this.#mapper.learn(index, undefined);
      return;
    }
    this.#mapper.learn(index, probe.info);
    this.#yencName ??= probe.info.name;
    if (index !== 0 || (probe.info.begin ?? 0) !== 0) return;
    this.#kind = probe.kind;
    this.#start = { head: probe.head, md5Of16k: probe.md5Of16k };
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
