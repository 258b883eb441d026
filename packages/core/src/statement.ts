/**
 * What a provider's key says of a result, in a form that its stake on chain can check: in this slot, this came out.
 *
 * A slot is a hash of what was asked, a commitment that of the answer. Two statements of one key on one slot convict it, whoever shows them; one that
 * is contradicted by the work done again convicts it by a quorum's word. What is signed is the hash of a TON cell, computed here: who lends loads
 * no library of TON. SOURCE: packages/contracts/tolk/stake-messages.tolk, and TVM's representation of a cell (whitepaper §3.1.4).
 */
import { z } from "zod";
import { sha256 } from "#crypto";
import { encodeCanonical, equalBytes } from "./codec.ts";
import { concatBytes } from "./concat-bytes.ts";
import { FaultError, type Sentences } from "./fault.ts";
import { type Cid, cidOfValue, type LeaseId, type NodeId, publicKeyOfNodeId } from "./ids.ts";
import {
  isSignatureOf,
  isSmallOrderKey,
  type KeyPair,
  SignatureError,
  type Signed,
  signBytes,
} from "./keys.ts";
import { zBytes, zCid, zNodeId } from "./schema.ts";
import type { Receipt } from "./work.ts";

/** Where a stake that answers for a statement stands. */
export interface RegistryRef {
  /** workchain:hex */
  readonly address: string;
  /** -239 mainnet, -3 testnet and devnet. */
  readonly network: -239 | -3;
}

export interface Statement {
  readonly registry: RegistryRef;
  /** 32 bytes, {@link slotOf}. */
  readonly slot: Uint8Array;
  /** 32 bytes, {@link commitmentOf}. */
  readonly commitment: Uint8Array;
}

/** As it goes over the wire, and as a block. */
export interface SignedStatement extends Statement {
  readonly kind: "pingo/statement/v1";
  /** dag-cbor block: the signed receipt that slot and commitment are computed from. */
  readonly receipt: Cid;
  readonly signer: NodeId;
  readonly signature: Uint8Array;
}

export type StatementFault = {
  readonly code: "STATEMENT_MISMATCH";
  readonly lease: LeaseId;
  readonly what: "signer" | "receipt" | "registry" | "slot" | "commitment";
};

const SENTENCES: Sentences<StatementFault> = {
  STATEMENT_MISMATCH: (f) =>
    `the statement about lease ${f.lease} has another ${f.what} than its receipt and its lease say; sign it anew from them`,
};

export class StatementError extends FaultError<StatementFault> {
  override readonly name = "StatementError";
  constructor(fault: StatementFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

const SLOT_DOMAIN = "pingo/slot/v1";
const COMMITMENT_DOMAIN = "pingo/commitment/v1";
const DOMAIN = "pingo/statement/v1";
const HASH_BYTES = 32;

const STATEMENT_OP = 0x50470701n;
/** addr_std without anycast, workchain 0: the 11 bits before the account's hash. */
const STD_ADDRESS = 0b100_00000000n;
/** Bits of the cell's fields, in order: opcode, address, network, slot, commitment. */
const FIELD_BITS = [32n, 11n, 256n, 32n, 256n, 256n] as const;
/** No reference, no level; 843 bits, so 105 whole bytes and a part of one. */
const DESCRIPTORS = Uint8Array.of(0, 105 + 106);
/** One bit that ends the data, and zeros to the byte. */
const COMPLETION = 0b10000n;
const COMPLETION_BITS = 5n;
const DATA_BYTES = 106;

/** What was asked: one lease, granted once, for one unit. */
export function slotOf({
  lease,
  unit,
  issuedAtUnixMs,
}: Pick<Receipt, "lease" | "unit" | "issuedAtUnixMs">): Uint8Array {
  return hashOf([SLOT_DOMAIN, lease, unit, issuedAtUnixMs]);
}

/** What came out: the result, and how much of the unit it is of. */
export function commitmentOf({ steps, update }: Pick<Receipt, "steps" | "update">): Uint8Array {
  return hashOf([COMMITMENT_DOMAIN, steps, update]);
}

/** Hash of the cell that the contract makes of it. */
export function hashOfStatement({ registry, slot, commitment }: Statement): Uint8Array {
  const values = [
    STATEMENT_OP,
    STD_ADDRESS,
    BigInt(`0x${registry.address.split(":")[1]}`),
    BigInt.asUintN(32, BigInt(registry.network)),
    numberOf(slot),
    numberOf(commitment),
  ];
  let bits = 0n;
  for (const [at, value] of values.entries()) bits = (bits << (FIELD_BITS[at] ?? 0n)) | value;
  bits = (bits << COMPLETION_BITS) | COMPLETION;
  const data = Uint8Array.from({ length: DATA_BYTES }, (_, at) =>
    Number((bits >> BigInt(8 * (DATA_BYTES - 1 - at))) & 0xffn),
  );
  return sha256(concatBytes([DESCRIPTORS, data]));
}

/** The receipt's signer's word on it. */
export function signStatement(
  key: KeyPair,
  registry: RegistryRef,
  receipt: Signed<Receipt>,
): SignedStatement {
  const statement = { registry, slot: slotOf(receipt.body), commitment: commitmentOf(receipt.body) };
  return {
    kind: DOMAIN,
    receipt: cidOfValue(receipt),
    ...statement,
    signer: key.nodeId,
    signature: signBytes(key, hashOfStatement(statement)),
  };
}

/** @throws {SignatureError} KEY_WEAK, SIGNATURE_INVALID */
export function assertStatementSigned(statement: SignedStatement): void {
  const { signer, signature } = statement;
  const publicKey = publicKeyOfNodeId(signer);
  if (isSmallOrderKey(publicKey)) throw new SignatureError({ code: "KEY_WEAK", signer });
  if (!isSignatureOf(publicKey, hashOfStatement(statement), signature))
    throw new SignatureError({ code: "SIGNATURE_INVALID", domain: DOMAIN, signer });
}

/**
 * That a statement is its signer's, and of this receipt, under this registry.
 *
 * @param receipt verified already
 * @throws {StatementError} STATEMENT_MISMATCH; {SignatureError} KEY_WEAK, SIGNATURE_INVALID
 */
export function assertStatementOf(
  statement: SignedStatement,
  receipt: Signed<Receipt>,
  registry: RegistryRef | null,
): void {
  const { body, signer } = receipt;
  const isSame = {
    signer: statement.signer === signer,
    receipt: statement.receipt === cidOfValue(receipt),
    registry:
      statement.registry.address === registry?.address && statement.registry.network === registry.network,
    slot: equalBytes(statement.slot, slotOf(body)),
    commitment: equalBytes(statement.commitment, commitmentOf(body)),
  };
  for (const what of ["signer", "receipt", "registry", "slot", "commitment"] as const)
    if (!isSame[what]) throw new StatementError({ code: "STATEMENT_MISMATCH", lease: body.lease, what });
  assertStatementSigned(statement);
}

/** Whether two statements convict their signer: one slot, two answers, one key. Their signatures are verified. */
export function isEquivocation(one: SignedStatement, other: SignedStatement): boolean {
  return (
    one.signer === other.signer &&
    one.registry.address === other.registry.address &&
    one.registry.network === other.registry.network &&
    equalBytes(one.slot, other.slot) &&
    !equalBytes(one.commitment, other.commitment)
  );
}

/** No Buffer, which a value that came over the wire is not. */
function hashOf(value: unknown): Uint8Array {
  return new Uint8Array(sha256(encodeCanonical(value)));
}

function numberOf(hash: Uint8Array): bigint {
  return hash.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

const zHash = zBytes.refine(({ byteLength }) => byteLength === HASH_BYTES, "expected 32 bytes");

export const zRegistryRef: z.ZodType<RegistryRef> = z.strictObject({
  address: z.string().regex(/^0:[0-9a-f]{64}$/, "expected a raw address in lower case, like 0:…"),
  network: z.literal([-239, -3]),
});

export const zSignedStatement: z.ZodType<SignedStatement> = z.strictObject({
  kind: z.literal(DOMAIN),
  receipt: zCid,
  registry: zRegistryRef,
  slot: zHash,
  commitment: zHash,
  signer: zNodeId,
  signature: zBytes,
});
