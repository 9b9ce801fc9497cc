import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { BlockList, isIP, isIPv6 } from "node:net";

/** How a request came here: from whom, and what the outermost of the proxies that are trusted was asked for. */
export interface Forwarding {
  /** The client's, or the proxy's that does not say for whom it asks. */
  readonly address: string;
  /** As the proxy says, unchecked; undefined where none is trusted or it does not say. */
  readonly proto?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
}

/** What each proxy in turn has added, the nearest last. */
type Trail = Readonly<Record<"for" | "proto" | "host" | "port", readonly string[]>>;

/**
 * Reads X-Forwarded-For, -Proto, -Host and -Port, or, where none of them is, Forwarded (RFC 7239), as far as they come from proxies in
 * `trusted`: addresses or CIDR blocks. What a client itself wrote into these headers lies before that and is not believed.
 */
export function readForwarding(trusted: readonly string[]): (req: IncomingMessage) => Forwarding {
  if (trusted.length === 0) return ({ socket }) => ({ address: plainAddress(socket.remoteAddress ?? "") });
  const isTrusted = trustCheck(trusted);
  return ({ socket, headers }) => {
    let address = plainAddress(socket.remoteAddress ?? "");
    if (!isTrusted(address)) return { address };
    const trail = trailOf(headers);
    let proxies = 0;
    while (isTrusted(address)) {
      proxies += 1;
      const before = addressIn(trail.for.at(-proxies) ?? "");
      if (before === undefined) break;
      address = before;
    }
    // A proxy that knows of only one value replaces it, others add theirs at the end.
    const said = (values: readonly string[]) => values[Math.max(0, values.length - proxies)] || undefined;
    return { address, proto: said(trail.proto), host: said(trail.host), port: said(trail.port) };
  };
}

function trustCheck(trusted: readonly string[]): (address: string) => boolean {
  const proxies = new BlockList();
  for (const block of trusted) {
    const [address = "", bits] = block.split("/");
    const family = familyOf(address);
    if (bits === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(bits), family);
  }
  return (address) => isIP(address) !== 0 && proxies.check(address, familyOf(address));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}

/** An IPv4 address that came in over an IPv6 socket is the IPv4 address. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}

/** An address, perhaps with a port, as proxies write it: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function addressIn(text: string): string | undefined {
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d+)?$/.exec(text) ?? [];
  const address = plainAddress(bracketed ?? dotted ?? text);
  return isIP(address) === 0 ? undefined : address;
}

function trailOf(headers: IncomingHttpHeaders): Trail {
  const values = (name: keyof Trail) => listed(headers[`x-forwarded-${name}`]);
  const trail = { for: values("for"), proto: values("proto"), host: values("host"), port: values("port") };
  const isThere = trail.for.length + trail.proto.length + trail.host.length > 0;
  return isThere || headers.forwarded === undefined ? trail : parseForwarded(headers.forwarded);
}

function listed(header: string | string[] | undefined): readonly string[] {
  return header === undefined
    ? []
    : String(header)
        .split(",")
        .map((value) => value.trim());
}

/** A parameter and what comes before it: nothing or `;` within an element, `,` before the next. Bounded, so that rubbish costs little. */
const PARAMETER = /(?:^|([;,]))\s*([\w!#$%&'*+.^`|~-]{1,64})=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))/g;

function parseForwarded(header: string): Trail {
  const elements: Map<string, string>[] = [];
  for (const [, before, name = "", quoted, token = ""] of header.matchAll(PARAMETER)) {
    if (before !== ";" || elements.length === 0) elements.push(new Map());
    elements.at(-1)?.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? token);
  }
  const values = (name: string) => elements.map((element) => element.get(name) ?? "");
  return { for: values("for"), proto: values("proto"), host: values("host"), port: [] };
}
