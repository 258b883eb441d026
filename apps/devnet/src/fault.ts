/** What the devnet refuses or cannot do, and one sentence for each. */
import { FaultError, formatBytes, type Sentences } from "@pingo/core";

export type DevnetFault =
  | { readonly code: "PORT_IN_USE"; readonly address: string; readonly variable: string }
  | {
      readonly code: "ADDRESS_REFUSED";
      readonly address: string;
      readonly variable: string;
      readonly why: string;
    }
  | { readonly code: "SNAPSHOT_UNREADABLE"; readonly path: string; readonly why: string }
  | { readonly code: "SNAPSHOT_UNUSED"; readonly folder: string }
  | { readonly code: "SNAPSHOT_EXISTS"; readonly path: string }
  | { readonly code: "SNAPSHOT_NOT_WRITTEN"; readonly path: string; readonly why: string }
  | { readonly code: "TRAVEL_TOO_FAR"; readonly secondsMax: number }
  | { readonly code: "CHAIN_NEWER"; readonly found: number; readonly known: number }
  | { readonly code: "ROUTE_UNKNOWN"; readonly route: string }
  | { readonly code: "METHOD_UNKNOWN"; readonly method: string }
  | { readonly code: "BODY_TOO_LARGE"; readonly bytesMax: number }
  | { readonly code: "BODY_MALFORMED"; readonly why: string }
  | { readonly code: "RATE_LIMITED"; readonly perSecond: number }
  | { readonly code: "NOT_EXTERNAL"; readonly kind: string }
  | { readonly code: "MESSAGE_REFUSED"; readonly why: string }
  | { readonly code: "QUEUE_FULL"; readonly max: number }
  | { readonly code: "BLOCK_UNKNOWN"; readonly block: string }
  | { readonly code: "TRANSACTION_UNKNOWN"; readonly what: string }
  | { readonly code: "PARAMETER_UNKNOWN"; readonly parameter: number }
  | { readonly code: "NOT_A_TOKEN"; readonly address: string }
  | { readonly code: "METHOD_FAILED"; readonly why: string }
  | { readonly code: "ACCOUNT_UNKNOWN"; readonly address: string }
  | { readonly code: "FAUCET_EMPTY" }
  | { readonly code: "FAUCET_BUSY"; readonly max: number }
  | { readonly code: "STOPPING" };

/** Clients look for toncenter's own words, so these come first in the sentence. */
const REFUSED = "LITE_SERVER_UNKNOWN: cannot apply external message to current state : ";

const SENTENCES: Sentences<DevnetFault> = {
  PORT_IN_USE: (f) =>
    `${f.address} is in use by another process; stop that process or choose another address with ${f.variable}`,
  ADDRESS_REFUSED: (f) =>
    `this machine does not let the devnet listen on ${f.address} (${f.why}); choose another address with ${f.variable}`,
  SNAPSHOT_UNREADABLE: (f) =>
    `${f.path} is no snapshot of a devnet (${f.why}); make one with "pingo devnet snapshot"`,
  SNAPSHOT_UNUSED: (f) => `${f.folder} holds a chain already; start from a snapshot with another PINGO_HOME`,
  SNAPSHOT_EXISTS: (f) => `${f.path} is there already; choose another file`,
  SNAPSHOT_NOT_WRITTEN: (f) =>
    `no snapshot could be written to ${f.path} (${f.why}); choose a file in a folder that is there and may be written to`,
  TRAVEL_TOO_FAR: (f) =>
    `a chain's time ends in 2106, and from here it is at most ${f.secondsMax} seconds to the year before; travel less, or begin a new chain`,
  CHAIN_NEWER: (f) =>
    `the chain was written by a newer PinGo (schema ${f.found}, this one knows ${f.known}); run that version`,
  ROUTE_UNKNOWN: (f) => `there is nothing at ${f.route}; docs/reference/devnet.md lists what there is`,
  METHOD_UNKNOWN: (f) => `Unknown method ${f.method}; docs/reference/devnet.md lists those there are`,
  BODY_TOO_LARGE: (f) => `the body is larger than the ${formatBytes(f.bytesMax)} accepted here`,
  BODY_MALFORMED: (f) => `the body cannot be read as JSON (${f.why})`,
  RATE_LIMITED: (f) =>
    `Ratelimit exceed: more than ${f.perSecond} requests in a second; PINGO_DEVNET_RATE raises it`,
  NOT_EXTERNAL: (f) =>
    `${REFUSED}Failed to parse external message: it is ${f.kind}, not an inbound external message`,
  MESSAGE_REFUSED: (f) => `${REFUSED}${f.why}`,
  QUEUE_FULL: (f) => `${f.max} messages wait for a block already; send again in a moment`,
  BLOCK_UNKNOWN: (f) => `LITE_SERVER_NOTREADY: there is no block ${f.block}`,
  TRANSACTION_UNKNOWN: (f) => `LITE_SERVER_UNKNOWN: cannot locate transaction: ${f.what}`,
  PARAMETER_UNKNOWN: (f) => `the configuration has no parameter ${f.parameter}`,
  NOT_A_TOKEN: (f) => `Smart contract is not Jetton or NFT: ${f.address}`,
  METHOD_FAILED: (f) => `the get method could not be run: ${f.why}`,
  ACCOUNT_UNKNOWN: (f) => `account not found: ${f.address}`,
  FAUCET_EMPTY: () => "the faucet has no GRAM left; begin a new chain",
  FAUCET_BUSY: (f) => `${f.max} wait for the faucet already; ask again in a moment`,
  STOPPING: () => "the devnet is stopping; what was acknowledged is kept",
};

export class DevnetError extends FaultError<DevnetFault> {
  override readonly name = "DevnetError";
  constructor(fault: DevnetFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
