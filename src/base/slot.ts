/**
 * Memory that one article is decoded into. Its owner keeps it from being reused while anybody writes or reads it.
 * `bytes` should be longer than the part by the size of one read: with less slack the decoder takes smaller steps.
 */
export interface Slot {
  readonly bytes: Buffer;
  /** Makes `bytes` at least `capacity` long, keeping its content; false when that is more than the owner allows. Absent: fixed size. */
  grow?(capacity: number): boolean;
}
