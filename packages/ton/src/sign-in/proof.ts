/**
 * A wallet's proof of its address, as TON Connect's `ton_proof` answers.
 *
 * SOURCE: TON Connect, "Signing and verification", ton-proof-item-v2.
 */
import { createHash } from "node:crypto";
import type { Address } from "@ton/core";
import { z } from "zod";

/** Limits of the protocol. */
const DOMAIN_BYTES_MAX = 128;
const PAYLOAD_BYTES_MAX = 128;
/** A wallet's code and data fit many times over. */
const STATE_INIT_CHARS_MAX = 32_768;
const SIGNATURE_BYTES = 64;

/** What a client hands over: its account and the proof, both as the wallet sent them. */
export interface WalletProof {
  readonly account: {
    /** workchain:hex */
    readonly address: string;
    /** "-239" mainnet, "-3" testnet */
    readonly chain: string;
    /** Base64 BoC. */
    readonly walletStateInit: string;
    /** Hex; checked against the state, never trusted alone. */
    readonly publicKey?: string | undefined;
  };
  readonly proof: {
    readonly timestamp: number;
    readonly domain: { readonly lengthBytes: number; readonly value: string };
    readonly payload: string;
    /** Base64. */
    readonly signature: string;
  };
}

const zBase64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, "expected base64");

export const zWalletProof: z.ZodType<WalletProof> = z.strictObject({
  account: z.strictObject({
    address: z.string().regex(/^(0|-1):[0-9a-fA-F]{64}$/, "expected a raw address, like 0:…"),
    chain: z.string().regex(/^-?\d{1,10}$/, "expected a network id, like -239"),
    walletStateInit: zBase64.min(1).max(STATE_INIT_CHARS_MAX),
    publicKey: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, "expected 32 bytes as hex")
      .optional(),
  }),
  proof: z.strictObject({
    timestamp: z.int().nonnegative(),
    domain: z.strictObject({
      lengthBytes: z.int().nonnegative().max(DOMAIN_BYTES_MAX),
      value: z.string().min(1).max(DOMAIN_BYTES_MAX),
    }),
    payload: z.string().min(1).max(PAYLOAD_BYTES_MAX),
    signature: zBase64.refine(
      (text) => Buffer.from(text, "base64").byteLength === SIGNATURE_BYTES,
      "expected 64 bytes",
    ),
  }),
});

/** The 32 bytes that the wallet signed. */
export function proofDigest(address: Address, proof: Omit<WalletProof["proof"], "signature">): Uint8Array {
  const domain = Buffer.from(proof.domain.value, "utf8");
  const numbers = Buffer.alloc(16);
  numbers.writeInt32BE(address.workChain, 0);
  numbers.writeUInt32LE(domain.byteLength, 4);
  numbers.writeBigUInt64LE(BigInt(proof.timestamp), 8);
  const message = sha256(
    Buffer.from("ton-proof-item-v2/"),
    numbers.subarray(0, 4),
    address.hash,
    numbers.subarray(4, 8),
    domain,
    numbers.subarray(8, 16),
    Buffer.from(proof.payload, "utf8"),
  );
  return sha256(Buffer.from([0xff, 0xff]), Buffer.from("ton-connect"), message);
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
