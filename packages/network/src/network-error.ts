/** What can go wrong between peers. */
import { FaultError, type NodeId, type Sentences } from "@pingo/core";

export type NetworkFault =
  | { readonly code: "PEER_UNREACHABLE"; readonly address: string; readonly why: string }
  | { readonly code: "PEER_ID_MISMATCH"; readonly address: string; readonly expected: NodeId }
  | { readonly code: "PROTOCOL_UNSUPPORTED"; readonly peer: NodeId; readonly protocol: string }
  | { readonly code: "ADDRESS_INVALID"; readonly address: string; readonly why: string }
  | { readonly code: "PORT_IN_USE"; readonly address: string }
  | { readonly code: "LISTEN_FAILED"; readonly address: string; readonly why: string }
  | { readonly code: "CHANNEL_CLOSED"; readonly peer: NodeId; readonly why: string }
  | { readonly code: "REQUEST_TIMEOUT"; readonly peer: NodeId; readonly timeoutMs: number }
  | { readonly code: "MESSAGE_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "TOO_MANY_REQUESTS"; readonly peer: NodeId; readonly inFlightMax: number }
  | { readonly code: "TOO_MANY_CHANNELS"; readonly peer: NodeId; readonly max: number }
  | { readonly code: "HOST_CLOSED" };

const SENTENCES: Sentences<NetworkFault> = {
  PEER_UNREACHABLE: (f) =>
    `no peer answers at ${f.address} (${f.why}); check that it runs and that a firewall lets this address through`,
  PEER_ID_MISMATCH: (f) =>
    `whoever answers at ${f.address} does not hold the key of ${f.expected}; ask its owner for the current address`,
  PROTOCOL_UNSUPPORTED: (f) =>
    `peer ${f.peer} does not speak ${f.protocol}; it may run another version of PinGo, or be no PinGo node`,
  ADDRESS_INVALID: (f) =>
    `"${f.address}" is not an address of a peer: ${f.why}; write it as /ip4/HOST/tcp/PORT/p2p/ID`,
  PORT_IN_USE: (f) =>
    `another process already listens on ${f.address}; stop it, or choose another port (0 takes any free one)`,
  LISTEN_FAILED: (f) => `cannot listen on ${f.address}: ${f.why}; choose an address of this machine`,
  CHANNEL_CLOSED: (f) => `the channel to ${f.peer} is closed: ${f.why}`,
  REQUEST_TIMEOUT: (f) => `peer ${f.peer} did not answer within ${f.timeoutMs} ms; ask again later`,
  MESSAGE_TOO_LARGE: (f) =>
    `the message has ${f.bytes} bytes and at most ${f.bytesMax} fit; send large things as blocks`,
  TOO_MANY_REQUESTS: (f) =>
    `${f.inFlightMax} requests to or from ${f.peer} are already under way; wait for answers first`,
  TOO_MANY_CHANNELS: (f) => `${f.max} channels to ${f.peer} are open already; close one first`,
  HOST_CLOSED: () => "this peer host is closed; start another",
};

export class NetworkError extends FaultError<NetworkFault> {
  override readonly name = "NetworkError";
  constructor(fault: NetworkFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
