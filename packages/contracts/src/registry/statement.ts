/**
 * What a member's key signs: that an owner holds it, and what came out in a slot of work.
 *
 * A slot is a hash of what was asked (job and attempt, or a height), a commitment a hash of the answer. Two statements
 * of one key on one slot with different commitments convict it, whoever shows them. SOURCE: tolk/stake-messages.tolk.
 */
import type { KeyPair } from "@pingo/core";
import { type Address, beginCell, type Cell } from "@ton/core";
import { signCell } from "../quorum/quorum.ts";

const STATEMENT_OP = 0x50470701;
const REGISTRATION_OP = 0x50470702;

export interface Statement {
  readonly registry: Address;
  /** Of the network, as in GLOBAL_ID. */
  readonly globalId: number;
  /** 32 bytes. */
  readonly slot: Uint8Array;
  /** 32 bytes. */
  readonly commitment: Uint8Array;
}

export interface SignedCommitment {
  readonly commitment: Uint8Array;
  readonly signature: Uint8Array;
}

export function encodeStatement(statement: Statement): Cell {
  return beginCell()
    .storeUint(STATEMENT_OP, 32)
    .storeAddress(statement.registry)
    .storeInt(statement.globalId, 32)
    .storeBuffer(Buffer.from(statement.slot), 32)
    .storeBuffer(Buffer.from(statement.commitment), 32)
    .endCell();
}

export function signStatement(key: KeyPair, statement: Statement): SignedCommitment {
  return { commitment: statement.commitment, signature: signCell(key, encodeStatement(statement)) };
}

/** The key's word that `owner` holds it; the owner shows it to the stake. */
export function signRegistration(key: KeyPair, stake: Address, globalId: number, owner: Address): Uint8Array {
  const registration = beginCell()
    .storeUint(REGISTRATION_OP, 32)
    .storeAddress(stake)
    .storeInt(globalId, 32)
    .storeAddress(owner)
    .endCell();
  return signCell(key, registration);
}

export function encodeSignedCommitment({ commitment, signature }: SignedCommitment): Cell {
  return beginCell()
    .storeBuffer(Buffer.from(commitment), 32)
    .storeBuffer(Buffer.from(signature), 64)
    .endCell();
}
