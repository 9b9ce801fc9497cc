/** What `statfs` tells about the file system of a folder; see statfs(2). */
export interface FileSystemFacts {
  /** `f_type`. */
  readonly type: number;
  /** Bytes of one block. */
  readonly bsize: number;
  /** Blocks of the whole file system, and those that this user may still take. */
  readonly blocks: number;
  readonly bavail: number;
}

export type StatFs = (path: string) => Promise<FileSystemFacts>;

const GIB = 2 ** 30;
const LEAST_BLOCK_BYTES = 4096;
const MOST_BLOCK_BYTES = 2 ** 20;

/** `f_type` of file systems whose disk is elsewhere, or behind another process; from Linux' magic.h and the sources of each. */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x65735546, "FUSE"],
  [0x01021997, "9p"],
  [0x00c36400, "Ceph"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x73757245, "Coda"],
  [0x564c, "NCP"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x19830326, "BeeGFS"],
  [0x01161970, "GFS2"],
  [0x7461636f, "OCFS2"],
  [0x786f4256, "VirtualBox shared folder"],
  [0xbacbacbc, "VMware shared folder"],
]);

/** The name of the network or user-space file system with this `f_type`, or undefined when its disk is this machine's own. */
export function remoteFileSystem(type: number): string | undefined {
  // Where `f_type` is a signed 32-bit word, CIFS and its like come as negative numbers.
  return REMOTE.get(type >>> 0);
}

/** Bytes that a disk of `totalBytes` keeps free for others: 2 %, at least 1 GiB, at most 10 GiB; of a small disk no more than a tenth. */
export function reserveOf(totalBytes: number): number {
  return Math.min(totalBytes / 10, Math.max(GIB, Math.min(totalBytes / 50, 10 * GIB)));
}

/** Bytes in which the file system hands out space, as far as it says so. */
export function blockBytesOf({ bsize }: FileSystemFacts): number {
  return bsize > LEAST_BLOCK_BYTES && bsize <= MOST_BLOCK_BYTES ? bsize : LEAST_BLOCK_BYTES;
}
