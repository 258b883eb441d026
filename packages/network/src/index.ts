/** Peers: a host with its own identity, and long-lived request channels between hosts. */
export { createLibp2pHost, isForPages, type Libp2pHostOptions } from "./libp2p-host.ts";
export { NetworkError, type NetworkFault } from "./network-error.ts";
export {
  CHANNEL_LIMITS,
  type Channel,
  type ChannelEnd,
  type ChannelEndCode,
  type ChannelLimits,
  type PeerHost,
  type RequestHandler,
  type RequestOptions,
} from "./peer-host.ts";
