/** Waits until it is so: what sockets, files and threads do has no promise to wait for. Fails after ten seconds. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`it did not come true: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
