import type { ByteRange } from "../base/byte-range.ts";
import type { ReadClass } from "../reader/read-class.ts";

/*
 * How a reader is told from its reads. The first row that holds says what it does at present. A run is what one client has read of
 * one file without a jump, request after request.
 *
 * | class    | when                                                                                                                |
 * | -------- | ------------------------------------------------------------------------------------------------------------------- |
 * | download | more than any player buffers came at once (192 MiB), faster than any film runs (25 MB/s), with no pause in it       |
 * | download | the agent downloads (curl, wget, aria2, davfs2), and 16 MiB came at once that it took as fast as they were there     |
 * | play     | one run reached 16 MiB (a scanner), 4 MiB (anybody else), or was held back for 3 s in all: from then on it plays    |
 * | scan     | the agent is a scanner (ffprobe and everything else that reads by libavformat, media managers, thumbnailers)        |
 * | scan     | all that it ever asked for were small pieces: 1 MiB at most, not the whole of a film; or a small file that is no film |
 * | play     | whatever else: a new reader plays from its first byte, until it shows something else                                |
 *
 * So players that call themselves Lavf are found out after a moment, and rclone, which copies and mounts under one name, by its rate alone.
 */

const MIB = 1024 * 1024;

/** Heads, tails and samples are read in pieces of no more than this. */
const SMALL_BYTES = MIB;
/** A tail is no more than this share of its file, however small the file is. */
const TAIL_SHARE = 1 / 16;
/** ffprobe reads 5 MB to know a film, and sockets take as much again that nobody has asked for. */
const SCANNER_READS_ON_BYTES = 16 * MIB;
/** Small pieces hold nothing that was not asked for. */
const READS_ON_BYTES = 4 * MIB;
/** Who lets bytes lie for so long, in all, has a pace of its own; a scanner takes what it wants and leaves. */
const PACED_MS = 3000;

/** The largest buffer that a player comes with is mpv's, 150 MiB; what it fills at once is no download yet. */
const DOWNLOAD_BYTES = 192 * MIB;
const DOWNLOADER_BYTES = 16 * MIB;
/** Bytes a second; the highest rate of a film on UHD Blu-ray is 18 MB/s. */
const DOWNLOAD_RATE = 25e6;
/** Who takes no bytes for so long has a full buffer, or a slow disk. */
const PAUSE_MS = 500;

/** Readers of containers skip a little now and then; that is no jump yet. */
const GAP_BYTES = MIB;
/** Audio and picture read in turns, two connections of one player, an accelerator with its sixteen: all have runs of their own. */
const MAX_RUNS = 16;

const SCANNER = /\b(?:lavf|ffmpeg|ffprobe|(?:lib)?mediainfo|plex media scanner|tinymediamanager|thumbnail)/i;
const DOWNLOADER = /\b(?:curl|wget2?|aria2|axel|davfs2)\b/i;

export interface FileReader {
  /** Of the file, in bytes. */
  readonly size: number;
  /** Whether the file may be something to watch or listen to. */
  readonly isMedia: boolean;
  readonly userAgent: string;
}

/** One request, told on by whoever serves it. */
export interface ObservedRequest {
  /** So many bytes have gone out at `now`, after they had been with the client for `heldMs`. */
  sent(bytes: number, now: number, heldMs: number): void;
}

interface Run {
  readonly start: number;
  /** The end of what was read, however often. */
  end: number;
  heldMs: number;
  lastAt: number;
  /** What came since the client paused last. */
  burst: Burst;
}

interface Burst {
  readonly since: number;
  readonly bytes: number;
  readonly heldMs: number;
}

/** Tells what one client does with one file by its requests and its hints. Pure: time is an argument, in milliseconds. */
export class ReadClassifier {
  readonly #reader: FileReader;
  readonly #isScanner: boolean;
  readonly #isDownloader: boolean;
  /** The one that was heard of last is the last. */
  readonly #runs: Run[] = [];
  #hasAskedForMuch = false;
  #hasPlayed = false;
  #class: ReadClass = "play";

  constructor(reader: FileReader) {
    this.#reader = reader;
    this.#isScanner = SCANNER.test(reader.userAgent);
    this.#isDownloader = DOWNLOADER.test(reader.userAgent);
  }

  /** What it does, as of the last that was heard of it. */
  get class(): ReadClass {
    return this.#class;
  }

  request(range: ByteRange, now: number): ObservedRequest {
    const run = this.#runAt(range.start, now);
    let position = range.start;
    if (!this.#isSmall(range)) this.#hasAskedForMuch = true;
    if (now - run.lastAt >= PAUSE_MS) run.burst = { since: now, bytes: 0, heldMs: 0 };
    this.#judge(run, now);
    return {
      sent: (bytes, at, heldMs) => {
        position += bytes;
        run.end = Math.max(run.end, position);
        run.heldMs += heldMs;
        const { since, bytes: before, heldMs: heldBefore } = run.burst;
        run.burst =
          heldMs >= PAUSE_MS
            ? { since: at, bytes: 0, heldMs: 0 }
            : { since, bytes: before + bytes, heldMs: heldBefore + heldMs };
        this.#judge(run, at);
      },
    };
  }

  /** The run that goes on at this offset, or a new one. */
  #runAt(offset: number, now: number): Run {
    const index = this.#runs.findLastIndex(({ start, end }) => offset >= start && offset <= end + GAP_BYTES);
    const [known] = index === -1 ? [] : this.#runs.splice(index, 1);
    const run = known ?? {
      start: offset,
      end: offset,
      heldMs: 0,
      lastAt: now,
      burst: { since: now, bytes: 0, heldMs: 0 },
    };
    this.#runs.push(run);
    if (this.#runs.length > MAX_RUNS) this.#runs.shift();
    return run;
  }

  #isSmall({ start, end }: ByteRange): boolean {
    const { size, isMedia } = this.#reader;
    const length = end - start;
    if (length > SMALL_BYTES) return false;
    return !isMedia || end < size || length <= size * TAIL_SHARE;
  }

  #judge(run: Run, now: number): void {
    run.lastAt = now;
    const readsOnBytes = this.#isScanner ? SCANNER_READS_ON_BYTES : READS_ON_BYTES;
    if (run.end - run.start >= readsOnBytes || run.heldMs >= PACED_MS) this.#hasPlayed = true;
    const isPlaying = this.#hasPlayed || (this.#hasAskedForMuch && !this.#isScanner);
    this.#class = this.#isDownload(run.burst, now) ? "download" : isPlaying ? "play" : "scan";
  }

  #isDownload({ since, bytes, heldMs }: Burst, now: number): boolean {
    if (bytes < (this.#isDownloader ? DOWNLOADER_BYTES : DOWNLOAD_BYTES)) return false;
    const elapsedMs = Math.max(1, now - since);
    return bytes / elapsedMs >= DOWNLOAD_RATE / 1000 || (this.#isDownloader && heldMs < elapsedMs / 2);
  }
}
