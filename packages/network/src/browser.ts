/** The door for pages (condition "browser"): channels to a fog node, over WebSockets. */
export { NetworkError, type NetworkFault } from "./network-error.ts";
export { createPageHost } from "./page-host.ts";
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
