/** What libp2p needs to speak with pages: WebSockets, and noise, since a page cannot do TLS of its own. */
import { noise } from "@libp2p/noise";
import { webSockets } from "@libp2p/websockets";

export const transports = [webSockets()];
export const connectionEncrypters = [noise()];
