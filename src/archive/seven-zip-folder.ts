import type { Coder, Folder } from "./seven-zip-model.ts";

/** Method ids of 7-Zip's Methods.txt; filters are methods too. */
const NAMES: Readonly<Record<string, string>> = {
  "": "Copy",
  "00": "Copy",
  "03": "Delta",
  "04": "BCJ",
  "05": "PPC",
  "06": "IA64",
  "07": "ARM",
  "08": "ARMT",
  "09": "SPARC",
  "0A": "ARM64",
  "0B": "RISCV",
  "21": "LZMA2",
  "030101": "LZMA",
  "030401": "PPMd",
  "03030103": "BCJ",
  "0303011B": "BCJ2",
  "03030205": "PPC",
  "03030401": "IA64",
  "03030501": "ARM",
  "03030701": "ARMT",
  "03030805": "SPARC",
  "040108": "Deflate",
  "040109": "Deflate64",
  "040202": "BZip2",
  "04F71101": "Zstandard",
  "04F71102": "Brotli",
  "04F71104": "LZ4",
  "04F71105": "LZ5",
  "04F71106": "Lizard",
  "06F10701": "AES",
};

/** The coders of a folder from its one packed stream to the members, plain copies left out. */
export interface Chain {
  readonly coder: Coder;
  readonly name: string;
  /** Of what it puts out. */
  readonly size: number;
}

/** Undefined when the coders are no simple chain over one packed stream, as with BCJ2. */
export function chainOf(folder: Folder): readonly Chain[] | undefined {
  const { coders, binds, packedInputs, unpackSizes } = folder;
  if (packedInputs.length !== 1 || coders.some(({ inputs, outputs }) => inputs !== 1 || outputs !== 1))
    return undefined;
  // With one input and one output each, streams and coders have the same numbers.
  const after = new Map(binds.map(([input, output]) => [output, input]));
  if (after.size !== binds.length) return undefined;
  const chain: Chain[] = [];
  let steps = 0;
  for (let at = packedInputs[0]; at !== undefined; at = after.get(at)) {
    const coder = coders[at];
    if (coder === undefined || ++steps > coders.length) return undefined;
    chain.push({ coder, name: nameOf(coder), size: unpackSizes[at] as number });
  }
  return steps === coders.length ? chain.filter(({ name }) => name !== "Copy") : undefined;
}

/** All methods of a folder in words, in the order of unpacking where there is one; never empty. */
export function methodOf(folder: Folder): string {
  const names = chainOf(folder)?.map(({ name }) => name) ?? folder.coders.map(nameOf);
  return [...new Set(names.filter((name) => name !== "Copy"))].join(" + ") || "a knot of copies";
}

function nameOf({ id }: Coder): string {
  return NAMES[id] ?? `method ${id}`;
}
