/** What this home's fog node signs as a member of the quorum, and what enough members signed brought there. */
import type { QuorumView } from "@pingo/contracts";
import { isSignatureOf, type KeyPair } from "@pingo/core";
import type { Address, Cell } from "@ton/core";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { findFogKey, readFogKey } from "./fog-key.ts";
import type { OwnChain } from "./own-chain.ts";
import { RewardError } from "./reward-error.ts";

/** A place in the quorum, and its signature. */
export type QuorumSignature = readonly [place: number, signature: Uint8Array];

/** For the quorum and its target; the rest comes back. */
export const QUORUM_NANOGRAM = 200_000_000n;
const DAY_S = 86_400;

/** The same for every member who asks on the same day (UTC), so that their signatures go together. */
export async function quorumCall(
  { signal }: Context,
  chain: OwnChain,
  { target, order }: { readonly target: Address; readonly order: Cell },
): Promise<Cell> {
  const { encodeQuorumCall } = await import("@pingo/contracts");
  const { quorum, seqno } = await readQuorum(chain);
  const nowUnixS = await chain.client.nowUnixS(signal);
  return encodeQuorumCall({
    ...{ quorum, globalId: chain.network, seqno, target, order },
    validUntilUnixS: (Math.floor(nowUnixS / DAY_S) + 2) * DAY_S,
    valueMinNanogram: QUORUM_NANOGRAM,
  });
}

/** @throws {CliError} NO_FOG_KEY, QUORUM_NOT_OURS */
export async function signCall(context: Context, chain: OwnChain, call: Cell): Promise<QuorumSignature> {
  const key = await readFogKey(context);
  const quorum = await readQuorum(chain);
  const signature = await signatureIn(quorum, key, call);
  if (signature === undefined)
    throw new CliError({ code: "QUORUM_NOT_OURS", isMember: false, threshold: quorum.threshold });
  return signature;
}

/** With this home's signature, where its fog node is of the quorum, and those of others. @throws {RewardError} SIGNATURES_MISSING */
export async function executeCall(
  context: Context,
  chain: OwnChain,
  {
    call,
    others,
    sign,
  }: { readonly call: Cell; readonly others: readonly QuorumSignature[]; readonly sign: string },
) {
  const { encodeExecute } = await import("@pingo/contracts");
  const quorum = await readQuorum(chain);
  // One that is not of this call, or of no member, would spoil the order.
  const signatures = new Map(
    others.filter(([place, signature]) => {
      const key = quorum.publicKeyByIndex.get(place);
      return key !== undefined && isSignatureOf(key, call.hash(), signature);
    }),
  );
  const key = await findFogKey(context);
  const own = key && (await signatureIn(quorum, key, call));
  if (own) signatures.set(...own);
  const { threshold } = quorum;
  if (signatures.size < threshold)
    throw new RewardError({ code: "SIGNATURES_MISSING", found: signatures.size, threshold, sign });
  return { to: quorum.quorum, valueNanogram: QUORUM_NANOGRAM, body: encodeExecute(call, signatures) };
}

async function signatureIn(
  quorum: QuorumView,
  key: KeyPair,
  call: Cell,
): Promise<QuorumSignature | undefined> {
  const { placeInQuorum, signCell } = await import("@pingo/contracts");
  const place = placeInQuorum(quorum, key.publicKey);
  return place === undefined ? undefined : [place, signCell(key, call)];
}

async function readQuorum(chain: OwnChain): Promise<QuorumView & { readonly quorum: Address }> {
  const { QuorumAt } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const quorum = Address.parseRaw(chain.addressOf("quorum"));
  return { ...(await chain.client.open(new QuorumAt(quorum)).getView()), quorum };
}
