/** A text as it is searched: equal for texts that differ only in case, or in how letters are composed. */
export function foldCase(text: string): string {
  return text.normalize("NFC").toLowerCase();
}
