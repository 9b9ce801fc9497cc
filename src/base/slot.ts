/**
 * Memory that one article is decoded into. Its owner keeps it from being reused while anybody writes or reads it.
 * `bytes` must be longer than the part by the size of one received chunk, since the decoder writes with slack.
 */
export interface Slot {
  readonly bytes: Buffer;
  /** Makes `bytes` at least `capacity` long, keeping its content; false when that is more than the owner allows. Absent: fixed size. */
  grow?(capacity: number): boolean;
}
