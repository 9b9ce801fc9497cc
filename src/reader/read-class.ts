/**
 * What a client does with a file: it plays it, looks into it here and there, or copies it as fast as it can.
 * Told apart by what the client does; a scan gets a small window and opens no connections in advance.
 */
export type ReadClass = "play" | "scan" | "download";
