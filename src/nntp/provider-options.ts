/** One account on a news server, as configured. */
export interface ProviderOptions {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Whether the certificate and its host name must be right. */
  readonly verifyTls: boolean;
  /** Empty: no login. */
  readonly username: string;
  readonly password: string;
  /** How many connections the account allows. */
  readonly connections: number;
  /** Lower is asked first. */
  readonly tier: number;
  /** Asked only after every other provider said no; not counted as capacity. */
  readonly backup: boolean;
  /** Commands under way on one connection. */
  readonly pipeline: "auto" | number;
  /** A command that shows no progress for so long is given up. */
  readonly timeoutMs: number;
}
