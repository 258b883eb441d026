/** A member's stake: its key, its size, and the PINGO behind them. SOURCE: tolk/stake.tolk. */
import { type Address, beginCell, type Cell, type Contract, type ContractProvider } from "@ton/core";
import { codeOf } from "../code.ts";
import { type StateInit, undeployed } from "../init.ts";
import { encodeSignedCommitment, type SignedCommitment } from "./statement.ts";

const REGISTER_OP = 0x50470710;
const UNBOND_OP = 0x50470711;
const COLLECT_OP = 0x50470712;
const PROVE_EQUIVOCATION_OP = 0x50470713;

/** One key may be both, with a stake for each. */
const NUMBER_BY_ROLE = { provider: 1, fog: 2 } as const;
export type MemberRole = keyof typeof NUMBER_BY_ROLE;

/** The same for all stakes of a registry. */
export interface StakeRules {
  readonly minter: Address;
  /** Who gets what is lost: an emission vault, so that contributors do. */
  readonly treasury: Address;
  /** In which what leaves can still be lost. */
  readonly unbondingSeconds: number;
}

/** What a member lends, as it says itself. */
export interface MemberSize {
  readonly millicores: bigint;
  readonly bytes: bigint;
}

export interface StakeView extends MemberSize {
  /** null until somebody showed that the key is theirs. */
  readonly owner: Address | null;
  readonly stakedNano: bigint;
  readonly unbondingNano: bigint;
  readonly unbondsAtUnixS: number;
  /** For good: two contradicting statements, or too many verdicts. */
  readonly isBarred: boolean;
  readonly convictions: number;
  /** Waits for somebody to have it paid, after a wallet returned it. */
  readonly owedNano: bigint;
}

export class Stake implements Contract {
  readonly address: Address;
  readonly init: StateInit;

  /** @param publicKey ed25519, 32 bytes: a node's own key */
  constructor(registry: Address, publicKey: Uint8Array, role: MemberRole, rules: StakeRules) {
    const data = beginCell()
      .storeAddress(null)
      .storeUint(0, 64) // millicores
      .storeUint(0, 64) // bytes
      .storeCoins(0) // staked
      .storeCoins(0) // unbonding
      .storeUint(0, 32) // unbonds at
      .storeBit(false) // barred
      .storeUint(0, 8) // convictions
      .storeDict(null) // debts
      .storeDict(null) // convicted slots
      .storeRef(
        beginCell()
          .storeAddress(registry)
          .storeBuffer(Buffer.from(publicKey), 32)
          .storeUint(NUMBER_BY_ROLE[role], 8)
          .storeRef(encodeStakeRules(rules))
          .endCell(),
      )
      .endCell();
    const { address, init } = undeployed("stake", data);
    this.address = address;
    this.init = init;
  }

  /** null where nobody registered or staked. */
  async getView(provider: ContractProvider): Promise<StakeView | null> {
    const { state } = await provider.getState();
    if (state.type !== "active") return null;
    const { stack } = await provider.get("get_stake", []);
    return {
      owner: stack.readAddressOpt(),
      millicores: stack.readBigNumber(),
      bytes: stack.readBigNumber(),
      stakedNano: stack.readBigNumber(),
      unbondingNano: stack.readBigNumber(),
      unbondsAtUnixS: stack.readNumber(),
      isBarred: stack.readBoolean(),
      convictions: stack.readNumber(),
      owedNano: stack.readBigNumber(),
    };
  }
}

/** Whether a key counts as a member: owned, not barred, and with enough at stake. */
export function isStakeValid(view: StakeView | null, stakeMinNano: bigint): boolean {
  return view !== null && view.owner !== null && !view.isBarred && view.stakedNano >= stakeMinNano;
}

/** The owner's, first and whenever the size changes. @param signature of {@link signRegistration} */
export function encodeRegister(size: MemberSize, signature: Uint8Array, queryId = 0n): Cell {
  return beginCell()
    .storeUint(REGISTER_OP, 32)
    .storeUint(queryId, 64)
    .storeUint(size.millicores, 64)
    .storeUint(size.bytes, 64)
    .storeBuffer(Buffer.from(signature), 64)
    .endCell();
}

/** The owner's: so much leaves; what left before begins its delay anew. */
export function encodeUnbond(amountNano: bigint, queryId = 0n): Cell {
  return beginCell().storeUint(UNBOND_OP, 32).storeUint(queryId, 64).storeCoins(amountNano).endCell();
}

/** Anyone's, once the delay is over; the owner is paid. */
export function encodeCollect(queryId = 0n): Cell {
  return beginCell().storeUint(COLLECT_OP, 32).storeUint(queryId, 64).endCell();
}

/** Anyone's: a twentieth of the stake is the sender's, the rest the treasury's. */
export function encodeProveEquivocation(
  slot: Uint8Array,
  first: SignedCommitment,
  second: SignedCommitment,
  queryId = 0n,
): Cell {
  return beginCell()
    .storeUint(PROVE_EQUIVOCATION_OP, 32)
    .storeUint(queryId, 64)
    .storeBuffer(Buffer.from(slot), 32)
    .storeRef(encodeSignedCommitment(first))
    .storeRef(encodeSignedCommitment(second))
    .endCell();
}

export function numberOfRole(role: MemberRole): number {
  return NUMBER_BY_ROLE[role];
}

export function encodeStakeRules({ minter, treasury, unbondingSeconds }: StakeRules): Cell {
  return beginCell()
    .storeAddress(minter)
    .storeRef(codeOf("pingo-wallet"))
    .storeAddress(treasury)
    .storeUint(unbondingSeconds, 32)
    .endCell();
}
