/** How much of a client's patience, bytes and pipelining the protocol puts up with. Sizes are bytes, times milliseconds. */
export interface DavLimits {
  /** Largest request body of every method but PUT. */
  readonly smallBodyBytes: number;
  /** From the header to the last byte of such a body. */
  readonly smallBodyMs: number;
  /** Largest body of a PUT, whether its length was announced or not. */
  readonly putBytes: number;
  /** Longest silence within the body of a PUT. */
  readonly putIdleMs: number;
  /** How long, and for how many bytes, a refused body is still read, so that the client gets to see the refusal. */
  readonly lingerMs: number;
  readonly lingerBytes: number;
  /** Requests that may wait on one connection for the answer before theirs. */
  readonly requestsAhead: number;
}

export const defaultDavLimits: DavLimits = {
  smallBodyBytes: 64 * 1024,
  smallBodyMs: 10_000,
  putBytes: 512 * 1024 * 1024,
  putIdleMs: 60_000,
  lingerMs: 2_000,
  lingerBytes: 1024 * 1024,
  requestsAhead: 256,
};
