/** Why an order to a certificate, a vault or a PINGO wallet is refused: said before anything is sent, wherever the chain can be asked first. */
import { FaultError, formatPingo, type Pool, type Sentences } from "@pingo/core";
import { moment } from "./vote-error.ts";

export type OrderFault =
  | { readonly code: "NO_CERTIFICATE_OF"; readonly owner: string }
  | { readonly code: "CERTIFICATE_STANDS"; readonly owner: string; readonly validUntilUnixS: number }
  | { readonly code: "CERTIFICATE_REVOKED"; readonly owner: string; readonly atUnixS: number }
  | { readonly code: "NO_SUCH_VAULT"; readonly name: string; readonly names: string }
  | { readonly code: "NOTHING_VESTED"; readonly name: string }
  | { readonly code: "AIRDROP_GOES_ON"; readonly untilUnixS: number }
  | { readonly code: "AIRDROP_OVER"; readonly untilUnixS: number }
  | { readonly code: "AIRDROP_EMPTY" }
  | { readonly code: "AIRDROP_LIST_ELSEWHERE"; readonly path: string }
  | { readonly code: "NOT_IN_AIRDROP"; readonly owner: string }
  | { readonly code: "AIRDROP_CLAIMED"; readonly owner: string }
  | { readonly code: "NOTHING_UNTOLD"; readonly owner: string }
  | { readonly code: "NOTHING_OWED"; readonly what: string }
  | { readonly code: "ROOT_NOT_CHALLENGED"; readonly pool: Pool }
  | { readonly code: "ROOT_IN_DECISION"; readonly pool: Pool; readonly untilUnixS: number }
  | {
      readonly code: "SEND_PINGO_MISSING";
      readonly address: string;
      readonly neededNano: bigint;
      readonly foundNano: bigint;
    };

const SENTENCES: Sentences<OrderFault> = {
  NO_CERTIFICATE_OF: (f) => `${f.owner} has no certificate; "pingo node join" earns one`,
  CERTIFICATE_STANDS: (f) =>
    `the certificate of ${f.owner} is valid until ${moment(f.validUntilUnixS)} by the chain's clock; it lapses after it`,
  CERTIFICATE_REVOKED: (f) =>
    `the certificate of ${f.owner} is revoked as of ${moment(f.atUnixS)} already; nothing is left to say of it`,
  NO_SUCH_VAULT: (f) => `the address book names no vault "${f.name}"; it names ${f.names}`,
  NOTHING_VESTED: (f) =>
    `nothing more of ${f.name} is released yet; ask again after its next step (the genesis file says when)`,
  AIRDROP_GOES_ON: (f) =>
    `the airdrop can be claimed until ${moment(f.untilUnixS)} by the chain's clock; what is left then goes to contributors`,
  AIRDROP_OVER: (f) =>
    `the airdrop could be claimed until ${moment(f.untilUnixS)}; what is left is contributors'`,
  AIRDROP_EMPTY: () => "nothing of the airdrop is left; there is nothing to bring anywhere",
  AIRDROP_LIST_ELSEWHERE: (f) =>
    `${f.path} names the root of its airdrop and not the owners; write the list that was published with it under "airdrop.owners" in place of the root`,
  NOT_IN_AIRDROP: (f) => `the airdrop gives ${f.owner} nothing; name another owner with --owner`,
  AIRDROP_CLAIMED: (f) => `the airdrop's part of ${f.owner} is claimed already`,
  NOTHING_UNTOLD: (f) => `${f.owner} was told of all PINGO that came; there is nothing to tell`,
  NOTHING_OWED: (f) => `${f.what} owes nobody anything; all of it was paid`,
  ROOT_NOT_CHALLENGED: (f) => `no challenged root of ${f.pool} waits; "pingo fog epoch show" says what does`,
  ROOT_IN_DECISION: (f) =>
    `governance may decide on the root of ${f.pool} until ${moment(f.untilUnixS)} by the chain's clock ("pingo vote propose ${f.pool}-root"); it falls after it`,
  SEND_PINGO_MISSING: (f) =>
    `${formatPingo(f.neededNano)} were to be sent, and ${f.address} has ${formatPingo(f.foundNano)}; send less, or earn more ("pingo node join")`,
};

export class OrderError extends FaultError<OrderFault> {
  override readonly name = "OrderError";
  constructor(fault: OrderFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
