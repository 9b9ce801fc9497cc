const ASCII = /^[\0-\x7f]*$/;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text of bytes that should be UTF-8, else are Latin-1, which old clients send. In NFC. */
export function textOf(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes).normalize("NFC");
  } catch {
    return Buffer.from(bytes).toString("latin1").normalize("NFC");
  }
}

/** How clients write a text in bytes (one a UTF-16 unit): UTF-8 composed or, from a Mac, decomposed; Latin-1 where it has the letters. */
export function spellings(text: string): readonly string[] {
  if (ASCII.test(text)) return [text];
  const composed = text.normalize("NFC");
  const utf8 = [composed, text.normalize("NFD")].map((form) => Buffer.from(form, "utf8").toString("latin1"));
  return [...new Set(/^[\0-\xff]*$/.test(composed) ? [...utf8, composed] : utf8)];
}
