import { readFileSync, writeFileSync } from "node:fs";
import { undoAtExit } from "./leftovers.ts";

const SETTING = "/proc/sys/net/ipv4/tcp_congestion_control";
const AVAILABLE = "/proc/sys/net/ipv4/tcp_available_congestion_control";

/**
 * Has new connections use cubic until the process ends, and says in words how it stands: bbr, the default of many machines,
 * makes the speed of loopback jump between two values.
 */
export function useCubic(): string {
  try {
    const before = readFileSync(SETTING, "utf8").trim();
    if (before === "cubic") return "congestion control cubic";
    if (!readFileSync(AVAILABLE, "utf8").includes("cubic"))
      return `congestion control ${before}: cubic is not available`;
    writeFileSync(SETTING, "cubic");
    undoAtExit(() => writeFileSync(SETTING, before));
    return `congestion control cubic (${before} again afterwards)`;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "an error";
    return `congestion control could not be set to cubic (${code}): MB/s may jump between two values`;
  }
}
