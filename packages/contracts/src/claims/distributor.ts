/** The vault that pays what contributors earned, as a schedule opens it. SOURCE: tolk/distributor.tolk. */
import { type Address, beginCell, type Cell, type Contract, type ContractProvider } from "@ton/core";
import { codeOf } from "../code.ts";
import { ContractAt, type StateInit, undeployed } from "../init.ts";

const POST_ROOT_OP = 0x50470210;
export const RESOLVE_OP = 0x50470211;
export const SET_AUTHORITIES_OP = 0x50470212;
const CLAIM_OP = 0x50470220;
const CHALLENGE_OP = 0x50470221;
const DROP_CHALLENGED_OP = 0x50470222;
const PROVE_DECREASE_OP = 0x50470223;
const PAUSE_OP = 0x50470224;
/** In what get_distributor answers. */
const RETURNED_PLACE = 10;

/** Fixed at deployment; nobody can change them. */
export interface DistributorTerms {
  readonly minter: Address;
  readonly startUnixS: number;
  readonly epochSeconds: number;
  readonly epochsPerEra: number;
  /** Between a root and its first payment. */
  readonly windowSeconds: number;
  /** For the governor to decide on a challenge; then the root is dropped. */
  readonly resolveSeconds: number;
  readonly budgetNano: bigint;
  readonly bondNanogram: bigint;
  /** Which of the vaults this is: two with the same terms are two. */
  readonly stream: number;
}

export interface Authorities {
  readonly quorum: Address;
  readonly governor: Address;
  readonly guardian: Address;
}

export interface PostedRoot {
  readonly epoch: number;
  readonly root: bigint;
  readonly totalNano: bigint;
}

export interface DistributorView {
  readonly paidNano: bigint;
  /** Epoch 0: none was ever in force. */
  readonly active: PostedRoot;
  readonly pending:
    | (PostedRoot & { readonly untilUnixS: number; readonly challenger: Address | null })
    | null;
  readonly pausedUntilUnixS: number;
}

export class DistributorAt extends ContractAt {
  async getView(provider: ContractProvider): Promise<DistributorView> {
    const { stack } = await provider.get("get_distributor", []);
    const paidNano = stack.readBigNumber();
    const [active, waiting] = [0, 1].map(() => ({
      epoch: stack.readNumber(),
      root: stack.readBigNumber(),
      totalNano: stack.readBigNumber(),
    }));
    if (!active || !waiting) throw new Error("two roots were read");
    const untilUnixS = stack.readNumber();
    const challenger = stack.readAddressOpt();
    return {
      paidNano,
      active,
      pending: waiting.epoch === 0 ? null : { ...waiting, untilUnixS, challenger },
      pausedUntilUnixS: stack.readNumber(),
    };
  }

  /** Given back to the emission by stakes that were lost; it may be paid besides what the schedule opens. */
  async getReturnedNano(provider: ContractProvider): Promise<bigint> {
    const { stack } = await provider.get("get_distributor", []);
    stack.skip(RETURNED_PLACE);
    return stack.readBigNumber();
  }

  /** How much may have been paid once so many epochs are over. */
  async getEmissionCapNano(provider: ContractProvider, epochs: number): Promise<bigint> {
    const { stack } = await provider.get("get_emission_cap", [{ type: "int", value: BigInt(epochs) }]);
    return stack.readBigNumber();
  }

  /** Nothing where the owner never claimed. */
  async getPaidNano(provider: ContractProvider, owner: Address): Promise<bigint> {
    const record = provider.open(new ClaimRecord(owner, this.address));
    return await record.getPaidNano();
  }
}

export class Distributor extends DistributorAt {
  readonly init: StateInit;

  constructor(terms: DistributorTerms, authorities: Authorities) {
    const { address, init } = undeployed("distributor", encodeStorage(terms, authorities));
    super(address);
    this.init = init;
  }
}

export class ClaimRecord implements Contract {
  readonly address: Address;
  readonly init: StateInit;

  constructor(owner: Address, vault: Address) {
    const data = beginCell().storeAddress(vault).storeBuffer(owner.hash).storeCoins(0).endCell();
    const { address, init } = undeployed("claim-record", data);
    this.address = address;
    this.init = init;
  }

  async getPaidNano(provider: ContractProvider): Promise<bigint> {
    const { state } = await provider.getState();
    if (state.type !== "active") return 0n;
    const { stack } = await provider.get("get_record", []);
    stack.skip(2);
    return stack.readBigNumber();
  }
}

/** @param proof of a {@link ClaimTree}; anyone may send it, the tokens go to the owner */
export function encodeClaim(owner: Address, proof: Cell, queryId = 0n): Cell {
  return beginCell()
    .storeUint(CLAIM_OP, 32)
    .storeUint(queryId, 64)
    .storeBuffer(owner.hash)
    .storeRef(proof)
    .endCell();
}

/** The quorum's order after an epoch. */
export function encodePostRoot({ epoch, root, totalNano }: PostedRoot): Cell {
  return beginCell()
    .storeUint(POST_ROOT_OP, 32)
    .storeUint(epoch, 32)
    .storeUint(root, 256)
    .storeCoins(totalNano)
    .endCell();
}

/** The governor's order on a challenged root, and on no other. */
export function encodeResolve(root: bigint, isUpheld: boolean): Cell {
  return beginCell().storeUint(RESOLVE_OP, 32).storeUint(root, 256).storeBit(isUpheld).endCell();
}

export function encodeSetAuthorities(quorum: Address, guardian: Address): Cell {
  return beginCell().storeUint(SET_AUTHORITIES_OP, 32).storeAddress(quorum).storeAddress(guardian).endCell();
}

export function encodeChallenge(queryId = 0n): Cell {
  return beginCell().storeUint(CHALLENGE_OP, 32).storeUint(queryId, 64).endCell();
}

export function encodeDropChallenged(queryId = 0n): Cell {
  return beginCell().storeUint(DROP_CHALLENGED_OP, 32).storeUint(queryId, 64).endCell();
}

/** @param activeProof under the root in force, and @param pendingProof under the one that waits, of the same owner */
export function encodeProveDecrease(owner: Address, activeProof: Cell, pendingProof: Cell): Cell {
  return beginCell()
    .storeUint(PROVE_DECREASE_OP, 32)
    .storeUint(0, 64)
    .storeBuffer(owner.hash)
    .storeRef(activeProof)
    .storeRef(pendingProof)
    .endCell();
}

export function encodePause(seconds: number): Cell {
  return beginCell().storeUint(PAUSE_OP, 32).storeUint(0, 64).storeUint(seconds, 32).endCell();
}

/**
 * The terms of one that stands, from what it keeps.
 *
 * @param storage its whole data; the layout is {@link Distributor}'s
 */
export function parseDistributorTerms(storage: Cell): DistributorTerms {
  const root = storage.beginParse();
  root.loadCoins();
  root.skip(32 + 256).loadCoins();
  root.loadMaybeRef();
  root.loadRef();
  const terms = root.loadRef().beginParse();
  const minter = terms.loadAddress();
  terms.loadRef();
  terms.loadRef();
  return {
    minter,
    startUnixS: terms.loadUint(32),
    epochSeconds: terms.loadUint(32),
    epochsPerEra: terms.loadUint(16),
    windowSeconds: terms.loadUint(32),
    resolveSeconds: terms.loadUint(32),
    budgetNano: terms.loadCoins(),
    bondNanogram: terms.loadCoins(),
    stream: terms.loadUint(8),
  };
}

function encodeStorage(terms: DistributorTerms, authorities: Authorities): Cell {
  return beginCell()
    .storeCoins(0) // paid
    .storeUint(0, 32) // active epoch
    .storeUint(0, 256) // active root
    .storeCoins(0) // active total
    .storeMaybeRef(null) // pending
    .storeUint(0, 32) // paused until
    .storeUint(0, 32) // pause again at
    .storeCoins(0) // returned
    .storeRef(
      beginCell()
        .storeAddress(authorities.quorum)
        .storeAddress(authorities.governor)
        .storeAddress(authorities.guardian)
        .endCell(),
    )
    .storeRef(
      beginCell()
        .storeAddress(terms.minter)
        .storeRef(codeOf("pingo-wallet"))
        .storeRef(codeOf("claim-record"))
        .storeUint(terms.startUnixS, 32)
        .storeUint(terms.epochSeconds, 32)
        .storeUint(terms.epochsPerEra, 16)
        .storeUint(terms.windowSeconds, 32)
        .storeUint(terms.resolveSeconds, 32)
        .storeCoins(terms.budgetNano)
        .storeCoins(terms.bondNanogram)
        .storeUint(terms.stream, 8)
        .endCell(),
    )
    .endCell();
}
