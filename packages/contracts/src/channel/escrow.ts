/** One job, paid for beforehand: bill, objection, refund. SOURCE: tolk/escrow.tolk. */
import { type Address, beginCell, type Cell, type Contract, type ContractProvider } from "@ton/core";
import { codeOf } from "../code.ts";
import { type StateInit, undeployed } from "../init.ts";

const BILL_OP = 0x50470801;
const DISPUTE_OP = 0x50470802;
const SETTLE_OP = 0x50470803;

/** In the order of the contract's numbers. */
const PHASES = ["open", "billed", "disputed", "closed"] as const;

export interface EscrowTerms {
  readonly minter: Address;
  readonly user: Address;
  readonly fog: Address;
  /** Decides on a bill that the user disputes. */
  readonly quorum: Address;
  /** 32 bytes: the hash of the job's manifest. */
  readonly job: Uint8Array;
  /** No bill by then, and everything is the user's again. */
  readonly deadlineUnixS: number;
  /** For the user to object. */
  readonly windowSeconds: number;
  /** For the quorum to decide; a silent one leaves everything to the user. */
  readonly resolveSeconds: number;
}

export interface EscrowView {
  readonly phase: (typeof PHASES)[number];
  /** When the phase ends by itself. */
  readonly untilUnixS: number;
  readonly depositedNano: bigint;
  /** Once closed: what the fog node got. */
  readonly billedNano: bigint;
  /** Digest of the bill's receipts; 0 before a bill. */
  readonly evidence: bigint;
  readonly owedNano: bigint;
}

export class Escrow implements Contract {
  readonly address: Address;
  readonly init: StateInit;

  constructor(terms: EscrowTerms) {
    const parties = beginCell()
      .storeAddress(terms.user)
      .storeAddress(terms.fog)
      .storeAddress(terms.quorum)
      .endCell();
    const data = beginCell()
      .storeUint(0, 8) // open
      .storeUint(terms.deadlineUnixS, 32)
      .storeCoins(0) // deposited
      .storeCoins(0) // billed
      .storeUint(0, 256) // evidence
      .storeDict(null) // debts
      .storeRef(
        beginCell()
          .storeAddress(terms.minter)
          .storeRef(codeOf("pingo-wallet"))
          .storeRef(parties)
          .storeBuffer(Buffer.from(terms.job), 32)
          .storeUint(terms.deadlineUnixS, 32)
          .storeUint(terms.windowSeconds, 32)
          .storeUint(terms.resolveSeconds, 32)
          .endCell(),
      )
      .endCell();
    const { address, init } = undeployed("escrow", data);
    this.address = address;
    this.init = init;
  }

  async getView(provider: ContractProvider): Promise<EscrowView> {
    const { stack } = await provider.get("get_escrow", []);
    const phase = PHASES[stack.readNumber()];
    if (!phase) throw new Error("an escrow is in one of four phases");
    return {
      phase,
      untilUnixS: stack.readNumber(),
      depositedNano: stack.readBigNumber(),
      billedNano: stack.readBigNumber(),
      evidence: stack.readBigNumber(),
      owedNano: stack.readBigNumber(),
    };
  }
}

/** The fog node's; 0 gives everything back at once. @param evidence 32 bytes, digest of the receipts */
export function encodeBill(amountNano: bigint, evidence: Uint8Array, queryId = 0n): Cell {
  return beginCell()
    .storeUint(BILL_OP, 32)
    .storeUint(queryId, 64)
    .storeCoins(amountNano)
    .storeBuffer(Buffer.from(evidence), 32)
    .endCell();
}

/** The user's, in the bill's window. `encodeFinish` accepts it; after the window it is anyone's. */
export function encodeDispute(queryId = 0n): Cell {
  return beginCell().storeUint(DISPUTE_OP, 32).storeUint(queryId, 64).endCell();
}

/** The quorum's order on a disputed bill. */
export function encodeSettle(amountNano: bigint): Cell {
  return beginCell().storeUint(SETTLE_OP, 32).storeCoins(amountNano).endCell();
}
