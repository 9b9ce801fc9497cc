export interface Request {
  readonly number: number;
  readonly call: string;
  readonly argument: unknown;
}

export interface Answer {
  readonly number: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Calls by name; each takes one argument that survives JSON, and so does what it gives. */
export type Calls = Readonly<Record<string, (argument: never) => unknown>>;

/** Has this process make the calls that its starter asks for, and end when that one is gone. */
export function answerRequests(calls: Calls): void {
  process.on("message", async ({ number, call, argument }: Request) => {
    const answer: Answer = await perform(calls, call, argument).then(
      (result) => ({ number, result }),
      (error: unknown) => ({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
    process.send?.(answer);
  });
  process.on("disconnect", () => process.exit());
}

async function perform(calls: Calls, call: string, argument: unknown): Promise<unknown> {
  const make = calls[call];
  if (make === undefined) throw new Error("there is no such call");
  return make(argument as never);
}
