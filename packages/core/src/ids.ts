/**
 * Names of things. A block and a value are named by their CIDv1 (sha2-256); a node, a user and a
 * provider by the libp2p peer id of their ed25519 key.
 */

import { base58btc } from "multiformats/bases/base58";
import { CID } from "multiformats/cid";
import * as Digest from "multiformats/hashes/digest";
import { sha256 } from "#crypto";
import { encodeCanonical } from "./codec.ts";
import { FaultError, type Sentences } from "./fault.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A CIDv1 in base32, as text. */
export type Cid = Branded<"Cid">;
/** The CID of a job's signed envelope. */
export type JobId = Cid;
/** libp2p peer id of an ed25519 key: "12D3KooW…". */
export type NodeId = Branded<"NodeId">;
/** 26 characters of chance, made by the fog node that grants the lease. */
export type LeaseId = Branded<"LeaseId">;

/** Multicodec codes that blocks may have. SOURCE: github.com/multiformats/multicodec table. */
export const CODEC = { raw: 0x55, dagPb: 0x70, dagCbor: 0x71 } as const;
export type BlockCodec = keyof typeof CODEC;

export type IdFault =
  | { readonly code: "CID_INVALID"; readonly text: string }
  | { readonly code: "NODE_ID_INVALID"; readonly text: string }
  | { readonly code: "LEASE_ID_INVALID"; readonly text: string };

const SENTENCES: Sentences<IdFault> = {
  CID_INVALID: (f) => `"${f.text}" is not a CIDv1 with sha2-256 in base32 (they begin with "baf")`,
  NODE_ID_INVALID: (f) => `"${f.text}" is not a node id (they begin with "12D3KooW")`,
  LEASE_ID_INVALID: (f) => `"${f.text}" is not a lease id`,
};

export class IdError extends FaultError<IdFault> {
  override readonly name = "IdError";
  constructor(fault: IdFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

const SHA2_256 = 0x12;
/** Protobuf head of libp2p's PublicKey{type: Ed25519, data: 32 bytes}. SOURCE: libp2p peer-ids spec. */
const ED25519_HEAD = Uint8Array.of(0x08, 0x01, 0x12, 0x20);
const IDENTITY_HASH = 0x00;

/** The CID of a block's bytes. */
export function cidOfBytes(bytes: Uint8Array, codec: BlockCodec = "raw"): Cid {
  return textOf(CID.createV1(CODEC[codec], Digest.create(SHA2_256, sha256(bytes))));
}

/** The CID of a value in canonical form. */
export function cidOfValue(value: unknown): Cid {
  return cidOfBytes(encodeCanonical(value), "dagCbor");
}

/** @throws {IdError} CID_INVALID unless it is a CIDv1, sha2-256, base32, of a codec we know */
export function parseCid(text: string): Cid {
  return textOf(readCid(text));
}

export function codecOfCid(cid: Cid): BlockCodec {
  const code = readCid(cid).code;
  if (code === CODEC.raw) return "raw";
  return code === CODEC.dagPb ? "dagPb" : "dagCbor";
}

/** The 32 bytes of SHA-256 that it names. */
export function digestOfCid(cid: Cid): Uint8Array {
  return readCid(cid).multihash.digest;
}

/** Whether these bytes are the block that the CID names. */
export function isBlockOf(cid: Cid, bytes: Uint8Array): boolean {
  return cidOfBytes(bytes, codecOfCid(cid)) === cid;
}

export function nodeIdOfPublicKey(publicKey: Uint8Array): NodeId {
  const multihash = Uint8Array.of(IDENTITY_HASH, 36, ...ED25519_HEAD, ...publicKey);
  // SAFETY: built here in the one form that parseNodeId accepts.
  return base58btc.baseEncode(multihash) as NodeId;
}

/** The 32-byte ed25519 key inside a node id. */
export function publicKeyOfNodeId(nodeId: NodeId): Uint8Array {
  return base58btc.baseDecode(nodeId).subarray(6);
}

/** @throws {IdError} NODE_ID_INVALID */
export function parseNodeId(text: string): NodeId {
  try {
    const bytes = text.length > 64 ? new Uint8Array() : base58btc.baseDecode(text);
    const head = [IDENTITY_HASH, 36, ...ED25519_HEAD];
    // SAFETY: just checked to hold an ed25519 key in identity form.
    if (bytes.byteLength === 38 && head.every((byte, i) => bytes[i] === byte)) return text as NodeId;
  } catch (cause) {
    throw new IdError({ code: "NODE_ID_INVALID", text: text.slice(0, 80) }, { cause });
  }
  throw new IdError({ code: "NODE_ID_INVALID", text: text.slice(0, 80) });
}

const LEASE_ID = /^[a-z2-7]{26}$/;

/** @throws {IdError} LEASE_ID_INVALID */
export function parseLeaseId(text: string): LeaseId {
  if (!LEASE_ID.test(text)) throw new IdError({ code: "LEASE_ID_INVALID", text: text.slice(0, 80) });
  // SAFETY: matches the one form.
  return text as LeaseId;
}

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** A lease id from 26 bytes of chance (5 bits of each are used). */
export function leaseIdOf(chance: Uint8Array): LeaseId {
  // SAFETY: built here in the one form that parseLeaseId accepts.
  return Array.from(chance.subarray(0, 26), (byte) => BASE32[byte & 31]).join("") as LeaseId;
}

/** Enough of an id to tell it from others on a screen. */
export function shortId(id: string): string {
  return id.length <= 14 ? id : `${id.slice(0, 4)}…${id.slice(-8)}`;
}

function readCid(text: string): CID {
  const invalid = { code: "CID_INVALID", text: text.slice(0, 80) } as const;
  let cid: CID;
  try {
    cid = CID.parse(text.length > 128 ? "" : text);
  } catch (cause) {
    throw new IdError(invalid, { cause });
  }
  const known = cid.code === CODEC.raw || cid.code === CODEC.dagPb || cid.code === CODEC.dagCbor;
  const canonical = cid.version === 1 && cid.multihash.code === SHA2_256 && cid.multihash.size === 32;
  if (!known || !canonical || cid.toString() !== text) throw new IdError(invalid);
  return cid;
}

function textOf(cid: CID): Cid {
  // SAFETY: CIDv1 prints as base32, the one form of Cid.
  return cid.toString() as Cid;
}
