/** Whose wallet a key works for, and what a member is (wire and JSON). Paths: apps/fog/src/membership. */
import { z } from "zod";
import { equalBytes } from "./codec.ts";
import { FaultError } from "./fault.ts";
import { type NodeId, publicKeyOfNodeId } from "./ids.ts";
import { openSigned, type Signed } from "./keys.ts";
import { zBytes, zCount, zNodeId, zSentence } from "./schema.ts";

/** One statement that two keys sign: this node works, or asks, for this wallet. */
export interface WalletStatement {
  readonly node: NodeId;
  /** workchain:hex */
  readonly address: string;
  /** -239 mainnet, -3 testnet and devnet. */
  readonly network: number;
  /** A later statement of the same node takes the place of an earlier one. */
  readonly atUnixMs: number;
}

export interface WalletLink {
  readonly byNode: Signed<WalletStatement>;
  /** Signed with the wallet's own key, which is written as a node's id. */
  readonly byWallet: Signed<WalletStatement>;
}

export const WALLET_DOMAIN = "pingo/wallet/v1";

const zStatement: z.ZodType<WalletStatement> = z.strictObject({
  node: zNodeId,
  address: z.string().regex(/^0:[0-9a-f]{64}$/, "expected a raw address in lower case, like 0:…"),
  network: z.literal([-239, -3]),
  atUnixMs: zCount,
});
const zSignedStatement = z.strictObject({ body: zStatement, signer: zNodeId, signature: zBytes });
export const zWalletLink: z.ZodType<WalletLink> = z.strictObject({
  byNode: zSignedStatement,
  byWallet: zSignedStatement,
});

export class WalletLinkError extends FaultError<{ readonly code: "WALLET_LINK_MISMATCH" }> {
  override readonly name = "WalletLinkError";
  constructor() {
    super(
      { code: "WALLET_LINK_MISMATCH" },
      {
        WALLET_LINK_MISMATCH: () =>
          'the node and the wallet did not sign the same statement about that node; link them again with "pingo membership join"',
      },
    );
  }
}

/**
 * The statement and the wallet's public key, once both signatures are verified. Whether that key's wallet is at the
 * address is for who knows TON.
 *
 * @throws {SignatureError}; {WalletLinkError}
 */
export function openWalletLink({ byNode, byWallet }: WalletLink): {
  readonly statement: WalletStatement;
  readonly walletKey: Uint8Array;
} {
  const statement = openSigned(WALLET_DOMAIN, byNode);
  const same = openSigned(WALLET_DOMAIN, byWallet);
  const isOne =
    byNode.signer === statement.node &&
    statement.node === same.node &&
    statement.address === same.address &&
    statement.network === same.network &&
    statement.atUnixMs === same.atUnixMs &&
    !equalBytes(publicKeyOfNodeId(byNode.signer), publicKeyOfNodeId(byWallet.signer));
  if (!isOne) throw new WalletLinkError();
  return { statement, walletKey: publicKeyOfNodeId(byWallet.signer) };
}

export const MEMBER_STATES = ["open", "founder", "valid", "lapsed", "none", "unlinked"] as const;

/** GET /v1/membership/:node */
export interface MembershipView {
  readonly node: NodeId;
  /** open: everybody is let in. certificate: who contributed. */
  readonly gate: "open" | "certificate";
  readonly isMember: boolean;
  readonly state: (typeof MEMBER_STATES)[number];
  /** workchain:hex; null while no wallet is linked. */
  readonly address: string | null;
  readonly validUntilUnixS: number | null;
  /** Pieces of work of this wallet's nodes that were done again and came out the same. */
  readonly worksVerified: number;
  /** What comes next, for people. */
  readonly next: string;
}

export const zMembershipView: z.ZodType<MembershipView> = z.object({
  node: zNodeId,
  gate: z.enum(["open", "certificate"]),
  isMember: z.boolean(),
  state: z.enum(MEMBER_STATES),
  address: z.string().max(80).nullable(),
  validUntilUnixS: zCount.nullable(),
  worksVerified: zCount,
  next: zSentence,
});
