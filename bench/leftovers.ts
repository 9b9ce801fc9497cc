/**
 * What must not outlive the benchmark: processes, folders, a changed kernel setting. All of it is undone when this process ends,
 * also by Ctrl-C or an error that nobody caught.
 */
const undos = new Set<() => void>();

process.on("exit", () => {
  for (const undo of [...undos].reverse()) {
    try {
      undo();
    } catch {
      // The others still have to be undone.
    }
  }
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));

/** Has `undo` called when the process ends; disposing calls it off. It must not wait for anything. */
export function undoAtExit(undo: () => void): Disposable {
  undos.add(undo);
  return { [Symbol.dispose]: () => void undos.delete(undo) };
}
