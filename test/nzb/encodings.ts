/** The text as UTF-16, little endian. */
export function utf16(text: string, { mark }: { readonly mark: boolean }): Buffer {
  return Buffer.from(`${mark ? "\ufeff" : ""}${text}`, "utf16le");
}

/** The first bytes of every bzip2 file. */
export function bzip2Like(): Buffer {
  return Buffer.from("BZh91AY&SY\x12\x34", "latin1");
}
