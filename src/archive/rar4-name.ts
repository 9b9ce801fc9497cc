/** Bytes of a name that are UTF-8 or, where they are not, taken for windows-1252; the real code page is not in the archive. */
function plainName(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** RAR4's packed UTF-16: a high byte, then characters by 2-bit opcodes; opcode 3 copies a run of the plain name. */
function unpackName(plain: Uint8Array, packed: Uint8Array): string {
  const units: number[] = [];
  const next = () => packed[at++] ?? 0;
  let at = 0;
  const high = next() << 8;
  let opcodes = 0;
  let opcodesLeft = 0;
  // A run never reaches beyond the plain name, so hostile opcodes cannot make the name longer than the header.
  while (at < packed.length && units.length < plain.length + packed.length) {
    if (opcodesLeft === 0) {
      opcodes = next();
      opcodesLeft = 4;
      if (at >= packed.length) break;
    }
    opcodesLeft -= 1;
    const opcode = (opcodes >> (2 * opcodesLeft)) & 3;
    if (opcode === 0) units.push(next());
    else if (opcode === 1) units.push(next() | high);
    else if (opcode === 2) units.push(next() | (next() << 8));
    else {
      const count = next();
      const correction = count & 0x80 ? next() : undefined;
      for (let left = (count & 0x7f) + 2; left > 0 && units.length < plain.length; left -= 1) {
        const byte = plain[units.length] ?? 0;
        units.push(correction === undefined ? byte : ((byte + correction) & 0xff) | high);
      }
    }
  }
  return Buffer.from(Uint16Array.from(units).buffer).toString("utf16le");
}

/** The path that a RAR4 file header names, `/` between folders. */
export function rar4Path(name: Buffer, isUnicode: boolean): string {
  const nul = name.indexOf(0);
  const plain = nul < 0 ? name : name.subarray(0, nul);
  const path = isUnicode && nul >= 0 ? unpackName(plain, name.subarray(nul + 1)) : plainName(plain);
  return path.replaceAll("\\", "/");
}
