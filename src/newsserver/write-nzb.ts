import type { MessageId } from "../base/message-id.ts";

export interface NzbSegmentLine {
  readonly id: MessageId;
  /** 1-based. */
  readonly number: number;
  /** The `bytes` attribute. */
  readonly encodedSize: number;
}

/** What an NZB says of one file; a PostedFile is one. */
export interface NzbFileLines {
  readonly subject: string;
  readonly poster: string;
  /** Milliseconds since 1970. */
  readonly postedAt: number;
  readonly groups: readonly string[];
  readonly segments: Iterable<NzbSegmentLine>;
}

/** Values of `<meta>` by type (title, password, category, tag, ...); a list becomes one element each. */
export type NzbHead = Readonly<Record<string, string | readonly string[]>>;

/** An NZB 1.1 document, in the order given. */
export function toNzb(files: Iterable<NzbFileLines>, head: NzbHead = {}): string {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE nzb PUBLIC "-//newzBin//DTD NZB 1.1//EN" "http://www.newzbin.com/DTD/nzb/nzb-1.1.dtd">',
    '<nzb xmlns="http://www.newzbin.com/DTD/2003/nzb">',
  ];
  const metas = Object.entries(head).flatMap(([type, values]) =>
    [values].flat().map((value) => `    <meta type="${xmlText(type)}">${xmlText(value)}</meta>`),
  );
  if (metas.length > 0) lines.push("  <head>", ...metas, "  </head>");
  for (const file of files) {
    const date = Math.floor(file.postedAt / 1000);
    lines.push(
      `  <file poster="${xmlText(file.poster)}" date="${date}" subject="${xmlText(file.subject)}">`,
      "    <groups>",
    );
    for (const group of file.groups) lines.push(`      <group>${xmlText(group)}</group>`);
    lines.push("    </groups>", "    <segments>");
    for (const { id, number, encodedSize } of file.segments) {
      lines.push(`      <segment bytes="${encodedSize}" number="${number}">${xmlText(id)}</segment>`);
    }
    lines.push("    </segments>", "  </file>");
  }
  lines.push("</nzb>", "");
  return lines.join("\n");
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** XML 1.0 cannot hold most control characters, not even as references: they are left out. */
function xmlText(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "")
    .replace(/[&<>"]/g, (char) => ENTITIES[char] as string);
}
