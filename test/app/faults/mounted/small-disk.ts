import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorCode } from "../../../../src/base/errors.ts";

/** A real disk of few bytes, which nothing but the programs that `launcher` starts can use up. */
export interface SmallDisk extends AsyncDisposable {
  /** Where those programs find it. */
  readonly path: string;
  /** Where this process finds it. */
  readonly outside: string;
  readonly launcher: readonly string[];
  /** Takes all room that is left. */
  fill(): Promise<void>;
  /** Gives back what `fill` took. */
  makeRoom(): Promise<void>;
  /** From now on nothing on it can be changed, by root neither; or it can again. */
  remount(how: "ro" | "rw"): Promise<void>;
}

const STEPS = [65_536, 4_096, 1];

/** Mounts a tmpfs in a namespace of its own (mount_namespaces(7)), which ends with the process that holds it; needs no privileges. */
export async function openSmallDisk(bytes: number): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), "newsreel-disk-"));
  const mount = 'mount -t tmpfs -o size="$1" newsreel-test "$2" && echo mounted && exec sleep 600';
  const holder = spawn("unshare", ["--mount", "--map-root-user", "sh", "-c", mount, "sh", String(bytes), path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(holder, "exit");
  await Promise.race([
    once(holder.stdout, "data"),
    gone.then(() => {
      throw new Error("a small disk needs unshare and user namespaces");
    }),
  ]);
  const launcher = ["nsenter", `--target=${holder.pid}`, "--user", "--mount", "--preserve-credentials"];
  const outside = `/proc/${holder.pid}/root${path}`;
  const ballast = join(outside, "ballast");
  return {
    path,
    outside,
    launcher,
    async fill() {
      for (const step of STEPS) while (await hasRoomFor(ballast, step));
    },
    makeRoom: () => rm(ballast),
    async remount(how) {
      const [command = "", ...args] = [...launcher, "mount", "-o", `remount,${how}`, path];
      const [code] = await once(spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] }), "exit");
      if (code !== 0) throw new Error(`the small disk cannot be made ${how}`);
    },
    async [Symbol.asyncDispose]() {
      holder.kill("SIGKILL");
      await gone;
      await rm(path, { recursive: true });
    },
  };
}

async function hasRoomFor(ballast: string, bytes: number): Promise<boolean> {
  try {
    await appendFile(ballast, Buffer.alloc(bytes));
    return true;
  } catch (error) {
    if (errorCode(error) !== "ENOSPC") throw error;
    return false;
  }
}
