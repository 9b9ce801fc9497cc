/** What goes out for one command. The chunks are shared and read-only. */
export interface Reply {
  readonly chunks: readonly Buffer[];
  /** Where the body starts, counted over all chunks; their end when there is none. */
  readonly bodyStart: number;
  /** `close` ends the connection after the chunks; `hang` leaves it open and never says anything more. */
  readonly ending: "goOn" | "close" | "hang";
}

/** A reply of one line, given without its line end. */
export function line(text: string): Reply {
  const bytes = Buffer.from(`${text}\r\n`);
  return { chunks: [bytes], bodyStart: bytes.length, ending: "goOn" };
}

/** A status line and further lines (none may begin with a dot), with the terminating line. */
export function block(status: string, rest: readonly string[]): Reply {
  return line([status, ...rest, "."].join("\r\n"));
}

/** One line after which the connection ends. */
export function lastLine(text: string): Reply {
  return { ...line(text), ending: "close" };
}

/** No reply at all. */
export function silence(ending: "close" | "hang"): Reply {
  return { chunks: [], bodyStart: 0, ending };
}
