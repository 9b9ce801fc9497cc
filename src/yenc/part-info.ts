/** What a decoded article says of itself, after its size and, where it has one, its checksum were found to be right. */
export interface PartInfo {
  /** Decoded bytes. */
  readonly size: number;
  /** Offset of the first byte in the posted file (`=ypart begin` - 1; 0 for a single part); undefined when the header does not say. */
  readonly begin: number | undefined;
  /** `=ybegin part=`, undefined for a single part. */
  readonly partNumber: number | undefined;
  /** `=ybegin total=`; a hint, often a lie. */
  readonly totalParts: number | undefined;
  /** `=ybegin size=`; a hint, often a lie. */
  readonly fileSize: number | undefined;
  /** `=ybegin name=`, decoded and without control characters; a hint, often a lie. */
  readonly name: string | undefined;
  /** Whether a checksum was there and right; false means that there was none to compare. */
  readonly isChecked: boolean;
}
