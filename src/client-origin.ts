import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { plainAddress, readForwarding } from "./forwarding.ts";

/** What a client knows this server as. */
export interface ClientOrigin {
  /** Scheme and authority, such as `https://nas.example:8443`; never with a login, nor with the port that the scheme implies. */
  readonly originOf: (req: IncomingMessage) => string;
  /** Whether what the client sends is encrypted on its way, as far as we are told. */
  readonly isSecure: (req: IncomingMessage) => boolean;
}

/** A host or an IPv6 address in brackets, and a port; strict only about what would mean something else in a URL. */
const AUTHORITY = /^(?:\[[\w:.%~-]+\]|[^\s/?#@\\:[\]"<>\u0000-\u001f\u007f]+)(?::\d{0,5})?$/;
const MOST_LETTERS = 300;

/**
 * Scheme and authority of requests: from the Host header and the connection, or from what proxies in `trusted` (addresses or CIDR blocks)
 * say. A Host that is missing or cannot be one is replaced by the address that the request came to.
 */
export function clientOrigin(trusted: readonly string[]): ClientOrigin {
  const forwardingOf = readForwarding(trusted);
  return {
    isSecure: (req) => isEncrypted(req, forwardingOf(req).proto),
    originOf(req) {
      const { proto, host, port } = forwardingOf(req);
      const isSecure = isEncrypted(req, proto);
      const authority = usable(host) ?? usable(req.headers.host) ?? ownAuthority(req);
      const full = port === undefined ? authority : withPort(authority, port, isSecure);
      return isSecure ? `https://${full.replace(/:(?:443)?$/, "")}` : `http://${full.replace(/:(?:80)?$/, "")}`;
    },
  };
}

function isEncrypted({ socket }: IncomingMessage, proto: string | undefined): boolean {
  return proto === undefined ? (socket as Partial<TLSSocket>).encrypted === true : proto.toLowerCase() === "https";
}

function usable(host: string | undefined): string | undefined {
  return host !== undefined && host.length <= MOST_LETTERS && AUTHORITY.test(host) ? host : undefined;
}

/** A proxy that ends TLS before another one may name the inner port: the other scheme's cannot be right. */
function withPort(authority: string, port: string, isSecure: boolean): string {
  if (/(?<!^\[[^\]]*):\d*$/.test(authority) || !/^\d{1,5}$/.test(port) || port === (isSecure ? "80" : "443"))
    return authority;
  return `${authority}:${port}`;
}

function ownAuthority({ socket }: IncomingMessage): string {
  const address = plainAddress(socket.localAddress ?? "localhost").replace(/%.*$/, "");
  const host = address.includes(":") ? `[${address}]` : address;
  return socket.localPort === undefined ? host : `${host}:${socket.localPort}`;
}
