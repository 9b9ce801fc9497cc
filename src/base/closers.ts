type Close = () => void | Promise<void>;

/** Things to close, in reverse order of opening. Closing twice is harmless; one that fails does not stop the others. */
export class Closers implements AsyncDisposable {
  readonly #stack: Close[] = [];

  /** Remembers how to close something and returns it. */
  use<T extends Disposable | AsyncDisposable>(resource: T): T {
    this.defer(() =>
      Symbol.asyncDispose in resource ? Promise.resolve(resource[Symbol.asyncDispose]()) : resource[Symbol.dispose](),
    );
    return resource;
  }

  defer(close: Close): void {
    this.#stack.push(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let close = this.#stack.pop(); close !== undefined; close = this.#stack.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, "several things could not be closed");
  }
}
