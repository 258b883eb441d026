/** A quorum of three fog nodes of five, for tests. */
import { type KeyPair, keyPairOfSeed } from "@pingo/core";
import type { Address, Cell } from "@ton/core";
import {
  encodeExecute,
  encodeQuorumCall,
  GLOBAL_ID,
  Quorum,
  type QuorumCall,
  signCell,
} from "../src/quorum/quorum.ts";
import { addressOf, type Chain, NANOGRAM, type Step } from "../src/testing/index.ts";

export const GOVERNOR = addressOf("governor");
export const RELAYER = addressOf("relayer");
/** In the order of their places. */
export const FOG_KEYS: readonly KeyPair[] = [1, 2, 3, 4, 5]
  .map((n) => keyPairOfSeed(new Uint8Array(32).fill(n)))
  .sort((one, other) => Buffer.compare(one.publicKey, other.publicKey));
export const QUORUM = new Quorum(
  { threshold: 3, publicKeys: FOG_KEYS.map((key) => key.publicKey) },
  GOVERNOR,
);

export async function deployQuorum(chain: Chain): Promise<void> {
  await chain.send({ from: RELAYER, to: QUORUM.address, valueNanogram: NANOGRAM, init: QUORUM.init });
}

export function signedBy(call: Cell, indices: readonly number[]): Map<number, Uint8Array> {
  return new Map(
    indices.map((index) => {
      const key = FOG_KEYS[index];
      if (!key) throw new Error(`no fog node ${index}`);
      return [index, signCell(key, call)];
    }),
  );
}

/** Three of five order something, and a stranger carries it to the chain. */
export async function orderByQuorum(
  chain: Chain,
  target: Address,
  order: Cell,
  changed: Partial<QuorumCall> & { readonly valueNanogram?: bigint } = {},
): Promise<readonly Step[]> {
  const { seqno } = await chain.open(QUORUM).getView();
  const call = encodeQuorumCall({
    quorum: QUORUM.address,
    globalId: GLOBAL_ID.mainnet,
    seqno,
    validUntilUnixS: chain.nowUnixS + 60,
    valueMinNanogram: 0n,
    target,
    order,
    ...changed,
  });
  return await chain.send({
    from: RELAYER,
    to: QUORUM.address,
    valueNanogram: changed.valueNanogram ?? NANOGRAM,
    body: encodeExecute(call, signedBy(call, [0, 2, 4]), 77n),
  });
}
