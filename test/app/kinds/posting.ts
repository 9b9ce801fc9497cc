import type { PostedFile } from "../../../src/newsserver/posted-file.ts";
import { type NzbFileLines, type NzbHead, toNzb } from "../../../src/newsserver/write-nzb.ts";
import { shuffled } from "../../archive/rar-bags.ts";
import { seededRandom } from "../../random.ts";
import type { System } from "../fixture.ts";
import type { Named } from "./contents.ts";

export interface Posting {
  readonly files: readonly Named[];
  /** Decoded bytes of each article. */
  readonly partSize: number;
  /** `random`: a word of its own for each file, in subject and yEnc header, without an extension; `yenc`: in the subject only. */
  readonly names?: "random" | "yenc";
  /** Every article is a `<file>` element of its own. */
  readonly isOneElementPerPart?: boolean;
  /** The files are listed in an order of their own. */
  readonly isShuffled?: boolean;
  /** Listed behind the others under their own names, such as a PAR2 set. */
  readonly companions?: readonly Named[];
  /** As the NZB has them. */
  readonly passwords?: readonly string[];
  /** Whether nobody has this article; file by its place in `files`, part from 1. */
  readonly isLost?: (file: number, part: number) => boolean;
}

export interface Posted {
  /** In the order of the posting's files. */
  readonly files: readonly PostedFile[];
  readonly companions: readonly PostedFile[];
  readonly nzb: string;
}

/** Puts the articles on the news servers, and those that are lost nowhere. Message-ids begin with the prefix. */
export function postFiles(system: System, idPrefix: string, posting: Posting): Posted {
  const { files, partSize, companions = [], isLost } = posting;
  const random = seededRandom(idPrefix.length + files.length);
  const add = ({ name, content }: Named, id: string, said: string) =>
    system.store.addFile({ name, content, partSize, idPrefix: id, subject: said });
  const total = files.length + companions.length;
  const subject = (index: number, name: string) => `[${index + 1}/${total}] - "${name}" yEnc`;
  const posted = files.map((file, index) => {
    const word = posting.names === undefined ? file.name : randomWord(random);
    const { content } = file;
    const name = posting.names === "random" ? word : file.name;
    return add({ name, content }, `${idPrefix}-${index}`, subject(index, word));
  });
  const beside = companions.map((file, index) =>
    add(file, `${idPrefix}-c${index}`, subject(files.length + index, file.name)),
  );
  if (isLost !== undefined) lose(system, posted, isLost);
  const listed = posting.isShuffled ? shuffled(posted, random) : posted;
  const head: NzbHead = posting.passwords === undefined ? {} : { password: posting.passwords };
  const whole = [...listed, ...beside];
  const elements = posting.isOneElementPerPart ? whole.flatMap(singles) : whole;
  return { files: posted, companions: beside, nzb: toNzb(elements, head) };
}

function singles({ name, poster, postedAt, groups, partCount, segments }: PostedFile): readonly NzbFileLines[] {
  return [...segments].map((segment) => ({
    subject: `"${name}" yEnc (${segment.number}/${partCount})`,
    poster,
    postedAt,
    groups,
    segments: [{ ...segment, number: 1 }],
  }));
}

/** Adds to the faults of all news servers. */
function lose(system: System, files: readonly PostedFile[], isLost: (file: number, part: number) => boolean): void {
  const lost = files.flatMap((file, index) =>
    Array.from({ length: file.partCount }, (_, part) => part + 1)
      .filter((part) => isLost(index, part))
      .map((part) => [file.idOf(part) as string, "missing"] as const),
  );
  for (const server of system.servers) {
    const { faults } = server.behaviour;
    if (typeof faults === "function") throw new Error("the faults are a function already");
    server.behave({ faults: new Map([...faults, ...lost]) });
  }
}

/** Twenty-four letters and digits that say nothing. */
function randomWord(random: () => number): string {
  return Array.from({ length: 24 }, () => "abcdef0123456789"[Math.floor(random() * 16)]).join("");
}
