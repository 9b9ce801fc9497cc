import { SaxesParser } from "saxes";

interface OracleFile {
  readonly subject: string;
  readonly poster: string;
  readonly groups: string[];
  readonly segments: { readonly id: string; readonly number: number; readonly bytes: number }[];
}

/** Reads a well-formed NZB with a general XML parser, without any of the rules for bad ones: an independent opinion. */
export function readWithSaxes(xml: string) {
  const files: OracleFile[] = [];
  const meta: [string, string][] = [];
  const parser = new SaxesParser();
  let text = "";
  let attributes: Record<string, string> = {};
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", (tag) => {
    text = "";
    attributes = tag.attributes as Record<string, string>;
    if (tag.name === "file") {
      files.push({
        subject: attributes["subject"] ?? "",
        poster: attributes["poster"] ?? "",
        groups: [],
        segments: [],
      });
    }
  });
  parser.on("text", (piece) => {
    text += piece;
  });
  parser.on("cdata", (piece) => {
    text += piece;
  });
  parser.on("closetag", ({ name }) => {
    const value = text.trim();
    if (name === "meta") meta.push([attributes["type"] ?? "", value]);
    if (name === "group" && value !== "") files.at(-1)?.groups.push(value);
    if (name === "segment") {
      const { number, bytes } = attributes;
      files.at(-1)?.segments.push({ id: value.replace(/^<|>$/g, ""), number: Number(number), bytes: Number(bytes) });
    }
    text = "";
  });
  parser.write(xml).close();
  return { files, meta };
}
