/**
 * A path below a folder of another machine, in that folder's own spelling: `N:`, `C:\news` and `\\nas\news` are of Windows, which takes
 * `C:/news` too. The root may end in a separator.
 */
export function clientPath(root: string, names: readonly string[]): string {
  const isSlashed = root.startsWith("/") || (root.includes("/") && !root.includes("\\"));
  return [root.replace(/[\\/]$/, ""), ...names].join(isSlashed ? "/" : "\\");
}
