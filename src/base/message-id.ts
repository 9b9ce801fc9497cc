declare const brand: unique symbol;

/** The global name of an article, without angle brackets, safe to put on an NNTP command line. */
export type MessageId = string & { readonly [brand]: "MessageId" };

/** RFC 3977 section 3.6: 3 to 250 octets with brackets, printable ASCII, no space, no `<` or `>` inside. */
const SHAPE = /^[!-;=?-~]{1,248}$/;

/** The id with blanks and one pair of brackets taken off, or undefined when it could not be sent to a news server safely. */
export function parseMessageId(text: string): MessageId | undefined {
  const bare = text.trim().replace(/^<(.*)>$/, "$1");
  return SHAPE.test(bare) ? (bare as MessageId) : undefined;
}
