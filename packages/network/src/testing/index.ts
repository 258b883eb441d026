/** The peer network in memory, and the cases that every peer host passes. */
export { type HostSetup, PEER_HOST_CASES, type PeerHostCase } from "./compliance.ts";
export {
  createMemoryNetwork,
  type MemoryNetwork,
  type MemoryNetworkOptions,
  type Weather,
} from "./memory-network.ts";
