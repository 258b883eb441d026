/** Addresses of peers as people write them: /ip4/HOST/tcp/PORT/p2p/ID. */

import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { IdError, type NodeId, parseNodeId } from "@pingo/core";
import { NetworkError } from "./network-error.ts";

const ADDRESS_CHARS_MAX = 512;

/** @throws {NetworkError} ADDRESS_INVALID */
export function parseAddress(text: string): Multiaddr {
  try {
    return multiaddr(text.length > ADDRESS_CHARS_MAX ? "" : text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NetworkError({ code: "ADDRESS_INVALID", address: text.slice(0, 120), why }, { cause });
  }
}

/** The address and whom it names. @throws {NetworkError} ADDRESS_INVALID, also when it names nobody */
export function parsePeerAddress(text: string): { readonly address: Multiaddr; readonly peer: NodeId } {
  const address = parseAddress(text);
  const last = address.getComponents().findLast((component) => component.name === "p2p");
  const invalid = (why: string): NetworkError =>
    new NetworkError({ code: "ADDRESS_INVALID", address: text, why });
  if (!last?.value) throw invalid("it does not end in /p2p/ID, so nobody's key could be checked");
  try {
    return { address, peer: parseNodeId(last.value) };
  } catch (error) {
    if (error instanceof IdError) throw invalid(error.message);
    throw error;
  }
}
