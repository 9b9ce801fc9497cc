import type { IncomingMessage } from "node:http";
import { BlockList, isIP, isIPv6 } from "node:net";

/**
 * Finds out where a request comes from: its peer, or, when that is a trusted proxy, the last address in X-Forwarded-For that is
 * none. `trusted` are addresses or CIDR blocks.
 */
export function clientAddress(trusted: readonly string[]): (req: IncomingMessage) => string {
  if (trusted.length === 0) return ({ socket }) => plain(socket.remoteAddress ?? "");
  const proxies = new BlockList();
  for (const block of trusted) {
    const [address = "", bits] = block.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(bits), family);
  }
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && proxies.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  return ({ socket, headers }) => {
    let address = plain(socket.remoteAddress ?? "");
    const hops = String(headers["x-forwarded-for"] ?? "").split(",");
    while (isTrusted(address)) {
      const hop = plain((hops.pop() ?? "").trim());
      if (isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}

/** An IPv4 address that came in over an IPv6 socket is the IPv4 address. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}
