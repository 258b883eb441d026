/** The quorum of fog nodes: what enough of them sign becomes an order. SOURCE: tolk/quorum.tolk. */
import { equalBytes, type KeyPair, signBytes } from "@pingo/core";
import { type Address, beginCell, type Cell, type ContractProvider, Dictionary } from "@ton/core";
import { ContractAt, type StateInit, undeployed } from "../init.ts";

export const QUORUM_KEYS_MAX = 64;

const CALL_OP = 0x50470110;
const EXECUTE_OP = 0x50470111;
export const SET_KEYS_OP = 0x50470112;

/** Network numbers of TON. SOURCE: configuration parameter 19. */
export const GLOBAL_ID = { mainnet: -239, testnet: -3 } as const;

export interface QuorumKeys {
  readonly threshold: number;
  /** ed25519, 32 bytes each; a signer is known by its key's place in ascending order. */
  readonly publicKeys: readonly Uint8Array[];
}

export interface QuorumCall {
  readonly quorum: Address;
  readonly globalId: number;
  readonly seqno: number;
  readonly validUntilUnixS: number;
  /** What its carrier has to send with it at least, so that nobody spends its number on an order that starves. */
  readonly valueMinNanogram: bigint;
  readonly target: Address;
  readonly order: Cell;
}

export interface QuorumView {
  readonly seqno: number;
  readonly threshold: number;
  readonly publicKeyByIndex: ReadonlyMap<number, Uint8Array>;
  readonly governor: Address;
}

export class QuorumAt extends ContractAt {
  async getView(provider: ContractProvider): Promise<QuorumView> {
    const { stack } = await provider.get("get_quorum", []);
    const seqno = stack.readNumber();
    const threshold = stack.readNumber();
    const keys = stack.readCellOpt();
    const publicKeyByIndex = new Map<number, Uint8Array>();
    if (keys !== null) {
      for (const [index, key] of Dictionary.loadDirect(
        Dictionary.Keys.Uint(8),
        Dictionary.Values.Buffer(32),
        keys,
      )) {
        publicKeyByIndex.set(index, new Uint8Array(key));
      }
    }
    return { seqno, threshold, publicKeyByIndex, governor: stack.readAddress() };
  }
}

export class Quorum extends QuorumAt {
  readonly init: StateInit;

  constructor(keys: QuorumKeys, governor: Address) {
    const data = beginCell()
      .storeUint(0, 32)
      .storeUint(keys.threshold, 8)
      .storeDict(keysDictionary(keys))
      .storeAddress(governor)
      .endCell();
    const { address, init } = undeployed("quorum", data);
    super(address);
    this.init = init;
  }
}

export function encodeQuorumCall(call: QuorumCall): Cell {
  return beginCell()
    .storeUint(CALL_OP, 32)
    .storeAddress(call.quorum)
    .storeInt(call.globalId, 32)
    .storeUint(call.seqno, 32)
    .storeUint(call.validUntilUnixS, 32)
    .storeCoins(call.valueMinNanogram)
    .storeAddress(call.target)
    .storeRef(call.order)
    .endCell();
}

/** Where a key stands in it; undefined: it does not. */
export function placeInQuorum({ publicKeyByIndex }: QuorumView, key: Uint8Array): number | undefined {
  return [...publicKeyByIndex].find(([, publicKey]) => equalBytes(publicKey, key))?.[0];
}

/** What a fog node adds: its signature over the whole call. */
export function signCell(key: KeyPair, cell: Cell): Uint8Array {
  return signBytes(key, cell.hash());
}

export function encodeExecute(
  call: Cell,
  signatureByIndex: ReadonlyMap<number, Uint8Array>,
  queryId = 0n,
): Cell {
  const signatures = Dictionary.empty(Dictionary.Keys.Uint(8), Dictionary.Values.Buffer(64));
  for (const [index, signature] of signatureByIndex) signatures.set(index, Buffer.from(signature));
  return beginCell()
    .storeUint(EXECUTE_OP, 32)
    .storeUint(queryId, 64)
    .storeRef(call)
    .storeDict(signatures)
    .endCell();
}

/** The governor's order to a quorum: from now on, these keys. */
export function encodeSetKeys(keys: QuorumKeys): Cell {
  return beginCell()
    .storeUint(SET_KEYS_OP, 32)
    .storeUint(keys.threshold, 8)
    .storeDict(keysDictionary(keys))
    .endCell();
}

function keysDictionary(keys: QuorumKeys): Dictionary<number, Buffer> {
  const dictionary = Dictionary.empty(Dictionary.Keys.Uint(8), Dictionary.Values.Buffer(32));
  // Ascending, as the contract asks: then no key can stand there twice.
  const ascending = keys.publicKeys.map((key) => Buffer.from(key)).sort((one, other) => one.compare(other));
  for (const [index, key] of ascending.entries()) dictionary.set(index, key);
  return dictionary;
}
