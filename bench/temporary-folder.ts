import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { undoAtExit } from "./leftovers.ts";

/** An empty folder that is gone when it is disposed of, at the latest when the process ends. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "newsreel-bench-"));
  // Whoever wrote there may need a moment to be gone.
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 25 });
  const atExit = undoAtExit(remove);
  return {
    path,
    [Symbol.dispose]() {
      remove();
      atExit[Symbol.dispose]();
    },
  };
}
