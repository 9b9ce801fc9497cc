import { charset, dstring, encodeName, longAd, regid, revision, tagged, timestamp } from "./udf-bytes.ts";

/** A file of the volume to write; folders are made as its path needs them. */
export interface UdfFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** Kind of allocation descriptors; `entry` puts the bytes into the file entry itself. */
  readonly form?: "short" | "long" | "extended" | "entry";
  /** Runs that the bytes lie in, with a gap after each. */
  readonly runs?: number;
  /** All allocation descriptors but the first lie in blocks of their own, one each. */
  readonly isChained?: boolean;
  /** The last run is allocated, but was never recorded. */
  readonly hasHole?: boolean;
  /** A size that is not that of the bytes. */
  readonly size?: number;
  /** Descriptors in place of those of the bytes: lengths with their kind, and blocks of the data partition. */
  readonly allocations?: readonly (readonly [length: number, block: number])[];
  /** A plain file entry in place of an extended one. */
  readonly isPlain?: boolean;
  /** Another name of the file or folder with this path, which precedes; the root's is empty. */
  readonly sameAs?: string;
}

export interface UdfOptions {
  /** A metadata partition as on Blu-rays (UDF 2.50), in two runs. */
  readonly hasMetadata?: boolean;
  readonly blockSize?: number;
  /** Where the only anchor is; the usual place when undefined. */
  readonly anchor?: "last" | "last-256";
}

interface Node {
  readonly name: string;
  readonly block: number;
  readonly uniqueId: number;
  readonly file: UdfFile | undefined;
  readonly children: Map<string, Node>;
  /** Names of nodes that are elsewhere as well. */
  readonly links: { name: string; to: Node }[];
}

const FORMS = { short: 0, long: 1, extended: 2, entry: 3 } as const;
const PARTITION_START = 320;
const METADATA_START = 8;
const METADATA_GAP = 3;

/**
 * Writes a UDF volume with the given files (ECMA-167; UDF 2.01, or 2.50 with a metadata partition). What it writes with blocks of 2048 bytes was read back
 * right by libudfread 1.1.2, see udf-judge.py, and by 7-Zip 26.02 where that knows the kind of allocation (not extended, chained, metadata).
 */
export function writeUdf(files: readonly UdfFile[], options: UdfOptions = {}): Buffer {
  const { hasMetadata = false, blockSize = 2048 } = options;
  const blocks = new Map<number, Buffer>();
  const metadataBlocks = hasMetadata ? files.length * 12 + 64 : 0;
  const firstRun = metadataBlocks >> 1;
  let nextMetadata = 0;
  let nextData = hasMetadata ? METADATA_START + metadataBlocks + METADATA_GAP : 0;
  let nextId = 16;

  const put = (block: number, bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += blockSize) {
      const whole = Buffer.alloc(blockSize);
      bytes.copy(whole, 0, at, Math.min(bytes.length, at + blockSize));
      blocks.set(block + at / blockSize, whole);
    }
  };
  const physicalOf = (metadata: number) =>
    PARTITION_START + METADATA_START + metadata + (metadata < firstRun ? 0 : METADATA_GAP);
  const takeMetadata = (count: number) => {
    if (hasMetadata) {
      // A run of directory bytes must not be cut by the gap: keep the writer simple.
      if (nextMetadata < firstRun && nextMetadata + count > firstRun) nextMetadata = firstRun;
      nextMetadata += count;
      if (nextMetadata > metadataBlocks) throw new Error("the metadata partition is too small");
      return nextMetadata - count;
    }
    nextData += count;
    return nextData - count;
  };
  const putMetadata = (block: number, bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += blockSize) {
      const index = block + at / blockSize;
      put(hasMetadata ? physicalOf(index) : PARTITION_START + index, bytes.subarray(at, at + blockSize));
    }
  };
  const metadataRef = hasMetadata ? 1 : 0;
  const fileSetBlock = takeMetadata(2);
  const newNode = (name: string, file: UdfFile | undefined): Node => {
    nextId += 1;
    return { name, block: takeMetadata(1), uniqueId: nextId, file, children: new Map(), links: [] };
  };
  const root = newNode("", undefined);
  const find = (path: string): Node =>
    path === "" ? root : path.split("/").reduce((node, name) => node.children.get(name) as Node, root);

  for (const file of files) {
    const names = file.path.split("/");
    const name = names.pop() as string;
    let folder = root;
    for (const part of names) {
      if (!folder.children.has(part)) folder.children.set(part, newNode(part, undefined));
      folder = folder.children.get(part) as Node;
    }
    if (file.sameAs === undefined) folder.children.set(name, newNode(name, file));
    else folder.links.push({ name, to: find(file.sameAs) });
  }

  const allocation = (form: keyof typeof FORMS, [length, block]: readonly [number, number], partition: number) => {
    if (form === "short") return longAd(length, block, partition).subarray(0, 8);
    if (form === "long") return longAd(length, block, partition);
    const bytes = Buffer.alloc(20);
    for (const at of [0, 4, 8]) bytes.writeUInt32LE(at === 0 ? length >>> 0 : length & 0x3fffffff, at);
    longAd(length, block, partition).copy(bytes, 12, 4, 10);
    return bytes;
  };

  const placeData = (file: UdfFile): (readonly [number, number])[] => {
    const runs = file.runs ?? 1;
    const perRun = Math.ceil(file.bytes.length / blockSize / runs) * blockSize;
    const placed: [number, number][] = [];
    for (let at = 0; at < file.bytes.length; at += perRun) {
      const part = file.bytes.subarray(at, at + perRun);
      put(PARTITION_START + nextData, part);
      placed.push([part.length, nextData]);
      nextData += Math.ceil(part.length / blockSize) + (runs > 1 ? 1 : 0);
    }
    const last = placed.at(-1);
    if (file.hasHole && last) last[0] += 2 ** 30;
    return placed;
  };

  const fileEntry = (
    node: { block: number; uniqueId: number },
    about: { type: number; size: number; form: keyof typeof FORMS; table: Buffer; isPlain?: boolean; links?: number },
  ): Buffer => {
    const fixed = about.isPlain ? 176 : 216;
    const entry = Buffer.alloc(fixed + about.table.length);
    if (entry.length > blockSize) throw new Error("the file entry is too large");
    entry.writeUInt16LE(4, 20);
    entry.writeUInt16LE(1, 24);
    entry[27] = about.type;
    entry.writeUInt16LE(FORMS[about.form], 34);
    entry.writeUInt32LE(0x14a5, 44);
    entry.writeUInt16LE(about.links ?? 1, 48);
    entry.writeBigUInt64LE(BigInt(about.size), 56);
    if (!about.isPlain) entry.writeBigUInt64LE(BigInt(about.size), 64);
    for (const at of about.isPlain ? [72, 84, 96] : [80, 92, 104, 116]) timestamp().copy(entry, at);
    entry.writeUInt32LE(1, about.isPlain ? 108 : 128);
    regid("*Newsreel test").copy(entry, about.isPlain ? 128 : 168);
    entry.writeBigUInt64LE(BigInt(node.uniqueId), about.isPlain ? 160 : 200);
    entry.writeUInt32LE(about.table.length, fixed - 4);
    about.table.copy(entry, fixed);
    return tagged(about.isPlain ? 261 : 266, node.block, entry);
  };

  const writeFile = (node: Node, file: UdfFile) => {
    const form = file.form ?? (hasMetadata ? "long" : "short");
    let table: Buffer = file.bytes;
    if (form !== "entry") {
      const all = (file.allocations ?? placeData(file)).map((place) => allocation(form, place, 0));
      table = Buffer.concat(all);
      if (file.isChained) {
        const chain = all.slice(1).map((bytes) => ({ bytes, block: takeMetadata(1) }));
        const link = (at: number) =>
          chain[at] === undefined
            ? Buffer.alloc(0)
            : allocation(form, [blockSize + 3 * 2 ** 30, chain[at].block], metadataRef);
        table = Buffer.concat([all[0] as Buffer, link(0)]);
        chain.forEach(({ bytes, block }, at) => {
          const body = Buffer.concat([Buffer.alloc(24), bytes, link(at + 1)]);
          body.writeUInt32LE(body.length - 24, 20);
          putMetadata(block, tagged(258, block, body));
        });
      }
    }
    const about = { type: 5, size: file.size ?? file.bytes.length, form, table, isPlain: file.isPlain === true };
    putMetadata(node.block, fileEntry(node, about));
  };

  const identifier = (name: string, to: Node, flags: number, block: number) => {
    const encoded = encodeName(name);
    const bytes = Buffer.alloc((38 + encoded.length + 3) & ~3);
    bytes.writeUInt16LE(1, 16);
    bytes[18] = flags;
    bytes[19] = encoded.length;
    longAd(blockSize, to.block, metadataRef).copy(bytes, 20);
    encoded.copy(bytes, 38);
    return tagged(257, block, bytes);
  };
  const writeFolder = (node: Node, parent: Node) => {
    const named = [...[...node.children.values()].map((to) => ({ name: to.name, to })), ...node.links];
    const list = (block: number) =>
      Buffer.concat([
        identifier("", parent, 0x0a, block),
        ...named.map(({ name, to }) => identifier(name, to, to.file ? 0 : 2, block)),
      ]);
    const size = list(0).length;
    const block = takeMetadata(Math.ceil(size / blockSize));
    putMetadata(block, list(block));
    const about = { type: 4, size, form: "short" as const, table: allocation("short", [size, block], metadataRef) };
    putMetadata(node.block, fileEntry(node, about));
    for (const child of node.children.values()) {
      if (child.file) writeFile(child, child.file);
      else writeFolder(child, node);
    }
  };
  writeFolder(root, root);

  const fileSet = Buffer.alloc(512);
  timestamp().copy(fileSet, 16);
  fileSet.writeUInt16LE(3, 28);
  fileSet.writeUInt16LE(3, 30);
  fileSet.writeUInt32LE(1, 32);
  fileSet.writeUInt32LE(1, 36);
  charset().copy(fileSet, 48);
  charset().copy(fileSet, 240);
  dstring("NEWSREEL", 128).copy(fileSet, 112);
  dstring("NEWSREEL", 32).copy(fileSet, 304);
  longAd(blockSize, root.block, metadataRef).copy(fileSet, 400);
  regid("*OSTA UDF Compliant", revision(hasMetadata)).copy(fileSet, 416);
  putMetadata(fileSetBlock, tagged(256, fileSetBlock, fileSet));
  putMetadata(fileSetBlock + 1, tagged(8, fileSetBlock + 1, Buffer.alloc(512)));

  if (hasMetadata) {
    const halves = [
      [firstRun * blockSize, METADATA_START],
      [(metadataBlocks - firstRun) * blockSize, METADATA_START + firstRun + METADATA_GAP],
    ] as const;
    const table = Buffer.concat(halves.map((half) => allocation("short", half, 0)));
    const size = metadataBlocks * blockSize;
    for (const [block, type] of [
      [0, 250],
      [1, 251],
    ] as const) {
      put(PARTITION_START + block, fileEntry({ block, uniqueId: 0 }, { type, size, form: "short", table, links: 0 }));
    }
  }

  for (const [index, id] of ["BEA01", "NSR03", "TEA01"].entries()) {
    const sector = Buffer.alloc(2048);
    sector.write(id, 1, "latin1");
    sector[6] = 1;
    const step = Math.max(2048, blockSize);
    put((32768 + index * step) / blockSize, sector);
  }
  const lastUsed = PARTITION_START + nextData;
  const total = lastUsed + 300;
  const sequence = volumeSequence({
    blockSize,
    hasMetadata,
    partitionBlocks: nextData,
    fileSetBlock,
    metadataRef,
  });
  for (const start of [96, 128]) {
    for (const [index, [tag, body]] of sequence.entries()) put(start + index, tagged(tag, start + index, body));
  }
  put(160, integrity(nextData, hasMetadata));
  const anchor = Buffer.alloc(512);
  for (const [at, block] of [
    [16, 96],
    [24, 128],
  ] as const) {
    anchor.writeUInt32LE(16 * blockSize, at);
    anchor.writeUInt32LE(block, at + 4);
  }
  const anchors = options.anchor === "last" ? [total - 1] : options.anchor ? [total - 257] : [256, total - 1];
  for (const block of anchors) put(block, tagged(2, block, anchor));

  const image = Buffer.alloc(total * blockSize);
  for (const [block, bytes] of blocks) bytes.copy(image, block * blockSize);
  return image;
}

function volumeSequence(about: {
  blockSize: number;
  hasMetadata: boolean;
  partitionBlocks: number;
  fileSetBlock: number;
  metadataRef: number;
}): [number, Buffer][] {
  const { blockSize, hasMetadata } = about;
  const primary = Buffer.alloc(512);
  primary.writeUInt32LE(1, 16);
  dstring("NEWSREEL", 32).copy(primary, 24);
  for (const at of [56, 58, 60, 62]) primary.writeUInt16LE(at === 60 ? 2 : at === 62 ? 3 : 1, at);
  primary.writeUInt32LE(1, 64);
  primary.writeUInt32LE(1, 68);
  dstring("0123456789ABCDEF NEWSREEL", 128).copy(primary, 72);
  charset().copy(primary, 200);
  charset().copy(primary, 264);
  timestamp().copy(primary, 376);
  regid("*Newsreel test").copy(primary, 388);

  const partition = Buffer.alloc(512);
  partition.writeUInt32LE(2, 16);
  partition.writeUInt16LE(1, 20);
  partition.writeUInt16LE(0, 22);
  regid("+NSR03").copy(partition, 24);
  partition.writeUInt32LE(1, 184);
  partition.writeUInt32LE(PARTITION_START, 188);
  partition.writeUInt32LE(about.partitionBlocks, 192);
  regid("*Newsreel test").copy(partition, 196);

  const map1 = Buffer.from([1, 6, 1, 0, 0, 0]);
  const map2 = Buffer.alloc(64);
  map2.set([2, 64]);
  regid("*UDF Metadata Partition", revision(hasMetadata)).copy(map2, 4);
  map2.writeUInt16LE(1, 36);
  map2.writeUInt32LE(0, 40);
  map2.writeUInt32LE(1, 44);
  map2.writeUInt32LE(0xffffffff, 48);
  map2.writeUInt32LE(32, 52);
  map2.writeUInt16LE(1, 56);
  const maps = hasMetadata ? Buffer.concat([map1, map2]) : map1;
  const logical = Buffer.alloc(440 + maps.length);
  logical.writeUInt32LE(3, 16);
  charset().copy(logical, 20);
  dstring("NEWSREEL", 128).copy(logical, 84);
  logical.writeUInt32LE(blockSize, 212);
  regid("*OSTA UDF Compliant", revision(hasMetadata)).copy(logical, 216);
  longAd(2 * blockSize, about.fileSetBlock, about.metadataRef).copy(logical, 248);
  logical.writeUInt32LE(maps.length, 264);
  logical.writeUInt32LE(hasMetadata ? 2 : 1, 268);
  regid("*Newsreel test").copy(logical, 272);
  logical.writeUInt32LE(blockSize, 432);
  logical.writeUInt32LE(160, 436);
  maps.copy(logical, 440);

  const unallocated = Buffer.alloc(24);
  unallocated.writeUInt32LE(4, 16);
  return [
    [1, primary],
    [5, partition],
    [6, logical],
    [7, unallocated],
    [8, Buffer.alloc(512)],
  ];
}

function integrity(partitionBlocks: number, hasMetadata: boolean): Buffer {
  const count = hasMetadata ? 2 : 1;
  const bytes = Buffer.alloc(80 + count * 8 + 46);
  timestamp().copy(bytes, 16);
  bytes.writeUInt32LE(1, 28);
  bytes.writeUInt32LE(1000, 40);
  bytes.writeUInt32LE(count, 72);
  bytes.writeUInt32LE(46, 76);
  bytes.writeUInt32LE(partitionBlocks, 80 + count * 4);
  return tagged(9, 160, bytes);
}
