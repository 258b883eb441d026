/**
 * A peer host of a process: TCP, TLS 1.3, yamux, and nothing that this road does not need.
 *
 * TLS rather than noise: it moves 1.4 to 1.8 times the bytes per CPU second in Node. Pages have neither TCP nor
 * certificates of their own, so who listens for them listens on WebSockets too, with noise; nobody else loads those.
 */
import { tcp } from "@libp2p/tcp";
import { tls } from "@libp2p/tls";
import { type HostOptions, startOnLibp2p } from "./host-on-libp2p.ts";
import type { PeerHost } from "./peer-host.ts";

export interface Libp2pHostOptions extends HostOptions {
  /** Multiaddrs; none makes a host that only dials. Port 0 takes any free one. Those that end in /ws are for pages. */
  readonly listen: readonly string[];
  /** Addresses at which others stand in for this host, as a proxy with a certificate does. */
  readonly announce?: readonly string[];
}

/** A station holds one connection per provider. */
const CONNECTIONS_MAX = 4_096;
/** New connections per second from one address: a household behind one router comes back at once. */
const CONNECTIONS_PER_ADDRESS_MAX = 64;

/** @throws {NetworkError} PORT_IN_USE, LISTEN_FAILED, ADDRESS_INVALID */
export async function createLibp2pHost({
  listen,
  announce = [],
  ...options
}: Libp2pHostOptions): Promise<PeerHost> {
  const web = listen.some(isForPages) ? await import("./for-pages.ts") : undefined;
  return startOnLibp2p(
    options,
    { listen, announce },
    {
      transports: [tcp(), ...(web?.transports ?? [])],
      // TLS first: whoever speaks both is a process.
      connectionEncrypters: [tls(), ...(web?.connectionEncrypters ?? [])],
      connectionManager: {
        maxConnections: CONNECTIONS_MAX,
        inboundConnectionThreshold: CONNECTIONS_PER_ADDRESS_MAX,
        maxIncomingPendingConnections: CONNECTIONS_PER_ADDRESS_MAX,
      },
    },
  );
}

/** Whether pages, and only they, dial this address. */
export function isForPages(address: string): boolean {
  return /\/wss?(\/|$)/.test(address);
}
