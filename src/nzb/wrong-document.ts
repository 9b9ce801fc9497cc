/** What a document is whose root element is `name`, instead of an NZB. */
export function wrongRootHint(name: string, attribute: (name: string) => string | undefined): string {
  if (name === "html")
    return "a web page was received, often an indexer's log-in or error page; check the link and the API key";
  if (name === "error") {
    const said = [attribute("code"), attribute("description")].filter((part) => part !== undefined).join(" ");
    return `an indexer's error was received${said === "" ? "" : `: ${printable(said)}`}`;
  }
  if (name === "rss" || name === "feed")
    return "an indexer's search result was received; use the link of one release in it";
  return "another kind of XML was received; check the link";
}

/** What a document is that does not even begin with `<`. */
export function notXmlHint(start: string): string {
  const text = start.trimStart();
  if (text.startsWith("{") || text.startsWith("["))
    return "JSON was received, often an indexer's error; check the link and the API key";
  if (text.startsWith("=ybegin")) return "a yEnc article was received; the nzb that lists it is wanted";
  return "an nzb is XML and begins with <; check what was uploaded";
}

/** Made by a stranger, shown to a person: one short line. */
function printable(text: string): string {
  return text.replace(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, " ").slice(0, 200);
}
