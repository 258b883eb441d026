/** Certificates of contribution: issued by the quorum, bound to their owner. SOURCE: TEP-62, TEP-85; tolk/certificate*.tolk. */
import { type Address, beginCell, type Cell, type Contract, type ContractProvider } from "@ton/core";
import { codeOf } from "../code.ts";
import { type StateInit, undeployed } from "../init.ts";
import { encodeOnChainContent } from "../jetton/token-content.ts";

const ISSUE_OP = 0x50470310;
const WITHDRAW_OP = 0x50470311;
export const SET_QUORUM_OP = 0x50470312;
const LAPSE_OP = 0x50470302;
const PROVE_OWNERSHIP_OP = 0x04ded148;
export const OWNERSHIP_PROOF_OP = 0x0524c7ae;
const REQUEST_OWNER_OP = 0xd0c3bfea;
export const OWNER_INFO_OP = 0x0dd607e3;
const DESTROY_OP = 0x1f04537a;
const TAKE_EXCESS_OP = 0xd136d3b3;

const CONTENT = encodeOnChainContent({
  name: "PinGo contributors",
  description:
    "Who lends computing power or storage to the PinGo network. Earned, renewed by contributing, never sold.",
});

/** What somebody lends, freely chosen; proven by work that others re-executed. */
export interface Contribution {
  readonly millicores: bigint;
  readonly bytes: bigint;
  readonly tier: number;
  readonly validUntilUnixS: number;
}

export interface CertificateView extends Contribution {
  readonly sinceUnixS: number;
  /** 0: not revoked. */
  readonly revokedAtUnixS: number;
}

export class CertificateCollection implements Contract {
  readonly address: Address;
  readonly init: StateInit;

  constructor(quorum: Address, governor: Address) {
    const data = beginCell()
      .storeAddress(quorum)
      .storeAddress(governor)
      .storeRef(CONTENT)
      .storeRef(codeOf("certificate"))
      .endCell();
    const { address, init } = undeployed("certificate-collection", data);
    this.address = address;
    this.init = init;
  }
}

export class Certificate implements Contract {
  readonly address: Address;
  readonly init: StateInit;

  constructor(owner: Address, collection: Address) {
    const data = beginCell().storeBuffer(owner.hash).storeAddress(collection).endCell();
    const { address, init } = undeployed("certificate", data);
    this.address = address;
    this.init = init;
  }

  /** null where none was issued. */
  async getView(provider: ContractProvider): Promise<CertificateView | null> {
    const { state } = await provider.getState();
    if (state.type !== "active") return null;
    const { stack } = await provider.get("get_certificate", []);
    return {
      millicores: stack.readBigNumber(),
      bytes: stack.readBigNumber(),
      tier: stack.readNumber(),
      sinceUnixS: stack.readNumber(),
      validUntilUnixS: stack.readNumber(),
      revokedAtUnixS: stack.readNumber(),
    };
  }

  /** null after the owner destroyed it. */
  async getOwner(provider: ContractProvider): Promise<Address | null> {
    const { stack } = await provider.get("get_nft_data", []);
    stack.skip(3);
    return stack.readAddressOpt();
  }
}

/** Whether a certificate opens the door at a moment. */
export function isCertificateValid(view: CertificateView | null, atUnixS: number): boolean {
  return view !== null && view.revokedAtUnixS === 0 && view.validUntilUnixS >= atUnixS;
}

/** The quorum's order: issued, or renewed. */
export function encodeIssue(owner: Address, contribution: Contribution): Cell {
  return beginCell()
    .storeUint(ISSUE_OP, 32)
    .storeAddress(owner)
    .storeUint(contribution.millicores, 64)
    .storeUint(contribution.bytes, 64)
    .storeUint(contribution.tier, 8)
    .storeUint(contribution.validUntilUnixS, 32)
    .endCell();
}

/** The quorum's order: revoked before its time. */
export function encodeWithdraw(owner: Address): Cell {
  return beginCell().storeUint(WITHDRAW_OP, 32).storeAddress(owner).endCell();
}

/** The governor's order to the collection. */
export function encodeSetQuorum(quorum: Address): Cell {
  return beginCell().storeUint(SET_QUORUM_OP, 32).storeAddress(quorum).endCell();
}

/** Anyone's: the certificate's time is over. */
export function encodeLapse(queryId = 0n): Cell {
  return beginCell().storeUint(LAPSE_OP, 32).storeUint(queryId, 64).endCell();
}

/** The owner's: `dest` is told, by the certificate itself, who owns it, and gets `payload`. */
export function encodeProveOwnership(dest: Address, payload: Cell, queryId = 0n): Cell {
  return question(PROVE_OWNERSHIP_OP, dest, payload, queryId);
}

/** Anyone's: `dest` is told who owns it. */
export function encodeRequestOwner(dest: Address, payload: Cell, queryId = 0n): Cell {
  return question(REQUEST_OWNER_OP, dest, payload, queryId);
}

export function encodeDestroy(queryId = 0n): Cell {
  return beginCell().storeUint(DESTROY_OP, 32).storeUint(queryId, 64).endCell();
}

export function encodeTakeExcess(queryId = 0n): Cell {
  return beginCell().storeUint(TAKE_EXCESS_OP, 32).storeUint(queryId, 64).endCell();
}

function question(op: number, dest: Address, payload: Cell, queryId: bigint): Cell {
  return beginCell()
    .storeUint(op, 32)
    .storeUint(queryId, 64)
    .storeAddress(dest)
    .storeRef(payload)
    .storeBit(true)
    .endCell();
}
