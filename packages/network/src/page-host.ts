/** A peer host in a page or in its workers: it dials over WebSockets and noise, and nobody can dial it. */
import { connectionEncrypters, transports } from "./for-pages.ts";
import { type HostOptions, startOnLibp2p } from "./host-on-libp2p.ts";
import type { PeerHost } from "./peer-host.ts";

export function createPageHost(options: HostOptions): Promise<PeerHost> {
  return startOnLibp2p(
    options,
    { listen: [], announce: [] },
    {
      transports,
      connectionEncrypters,
      // A fog node may well stand in the same house, or on this machine; libp2p would not dial there from a page.
      connectionGater: { denyDialMultiaddr: () => false },
    },
  );
}
