import { lookup as resolve } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { UrlError } from "../base/errors.ts";

/** IPv4 that is not of the public internet (IANA's special-purpose registry, RFC 6890), multicast and what is reserved. */
const SPECIAL_V4: readonly (readonly [network: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];

/**
 * Global unicast of IPv6 (RFC 4291 section 2.4); all else is loopback, local, multicast, or carries an IPv4 address (mapped, NAT64), which
 * may be a private one.
 */
const GLOBAL_V6: readonly [network: string, bits: number] = ["2000::", 3];
/** What is special in it: protocol assignments with Teredo, documentation, 6to4. */
const SPECIAL_V6: readonly (readonly [network: string, bits: number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const special = new BlockList();
for (const [network, bits] of SPECIAL_V4) special.addSubnet(network, bits, "ipv4");
for (const [network, bits] of SPECIAL_V6) special.addSubnet(network, bits, "ipv6");
const globalV6 = new BlockList();
globalV6.addSubnet(...GLOBAL_V6, "ipv6");

/** Whether an IP address is one of the public internet. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !special.check(address, "ipv4");
  // A zone (`fe80::1%eth0`) makes it one of this link.
  if (family !== 6 || address.includes("%")) return false;
  return globalV6.check(address, "ipv6") && !special.check(address, "ipv6");
}

/** Which addresses may be connected to. */
export interface AddressRule {
  readonly isAllowed: (address: string) => boolean;
  /** Of names; the system's unless given. */
  readonly resolver?: typeof resolve;
}

/** Whether it is an http or https URL whose login, if it has one, can be read: Node throws where that is no UTF-8. */
export function isWebAddress({ protocol, username, password }: URL): boolean {
  if (protocol !== "http:" && protocol !== "https:") return false;
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

/** Throws URL_FORBIDDEN where the host of a URL is written as an address that is not allowed. */
export function requireAllowedHost({ hostname }: URL, { isAllowed }: AddressRule): void {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) !== 0 && !isAllowed(host)) throw forbidden();
}

/** How a connection finds the address of a name: only allowed ones are handed on, so whatever the name says later is not connected to. */
export function allowedLookup({ isAllowed, resolver = resolve }: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    resolver(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, "");
        return;
      }
      const allowed = found.filter(({ address }) => isAllowed(address));
      const first = allowed[0];
      if (first === undefined) callback(forbidden(), "");
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function forbidden(): UrlError {
  return new UrlError("URL_FORBIDDEN", "the address leads into a private network", {
    hint: "set imports.allowPrivateUrls if NZBs may be fetched from there",
  });
}
