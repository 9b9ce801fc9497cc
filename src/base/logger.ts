type Fields = Readonly<Record<string, unknown>>;

/** What a module may say. Fields first, then one lower-case phrase; never a password, key or message body. */
export interface Logger {
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
