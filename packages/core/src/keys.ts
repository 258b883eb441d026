/**
 * ed25519 identities and signed values.
 *
 * A signature covers a domain string and the canonical bytes, so one kind of statement can never be
 * replayed as another. SOURCE: RFC 8032.
 */
import { ed25519PublicKey, ed25519Sign, ed25519Verify } from "#crypto";
import { encodeCanonical, equalBytes } from "./codec.ts";
import { FaultError, type Sentences } from "./fault.ts";
import { type NodeId, nodeIdOfPublicKey, parseNodeId, publicKeyOfNodeId } from "./ids.ts";

export interface KeyPair {
  readonly nodeId: NodeId;
  readonly publicKey: Uint8Array;
  /** 32 secret bytes: whoever has them is this node. */
  readonly seed: Uint8Array;
}

/** A statement and who made it. `domain` is not carried: the reader says which it expects. */
export interface Signed<T> {
  readonly body: T;
  readonly signer: NodeId;
  readonly signature: Uint8Array;
}

export type SignatureFault =
  | { readonly code: "SIGNATURE_INVALID"; readonly domain: string; readonly signer: string }
  | { readonly code: "KEY_WEAK"; readonly signer: string };

const SENTENCES: Sentences<SignatureFault> = {
  SIGNATURE_INVALID: (f) => `the signature of ${f.signer} under this ${f.domain} does not verify`,
  KEY_WEAK: (f) => `the key of ${f.signer} is a small-order ed25519 key and proves nothing`,
};

export class SignatureError extends FaultError<SignatureFault> {
  override readonly name = "SignatureError";
  constructor(fault: SignatureFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

/** y-coordinates of the 8 points of small order, with their non-canonical twins; the sign bit is masked off. */
const SMALL_ORDER_Y: readonly Uint8Array[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)));

/** @param seed 32 bytes of chance */
export function keyPairOfSeed(seed: Uint8Array): KeyPair {
  const publicKey = ed25519PublicKey(seed);
  return { nodeId: nodeIdOfPublicKey(publicKey), publicKey, seed };
}

export function signBytes(key: KeyPair, bytes: Uint8Array): Uint8Array {
  return ed25519Sign(key.seed, bytes);
}

export function isSmallOrderKey(publicKey: Uint8Array): boolean {
  const y = publicKey.slice();
  y[31] = (y[31] ?? 0) & 0x7f;
  return SMALL_ORDER_Y.some((point) => equalBytes(point, y));
}

export function isSignatureOf(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (signature.byteLength !== 64 || publicKey.byteLength !== 32 || isSmallOrderKey(publicKey)) return false;
  return ed25519Verify(publicKey, bytes, signature);
}

export function signValue<T>(domain: string, body: T, key: KeyPair): Signed<T> {
  return { body, signer: key.nodeId, signature: signBytes(key, signedBytes(domain, body)) };
}

/**
 * The body, once its signature has been verified.
 *
 * @throws {SignatureError} KEY_WEAK or SIGNATURE_INVALID
 */
export function openSigned<T>(domain: string, signed: Signed<T>): T {
  const signer = parseNodeId(signed.signer);
  const publicKey = publicKeyOfNodeId(signer);
  if (isSmallOrderKey(publicKey)) throw new SignatureError({ code: "KEY_WEAK", signer });
  if (!isSignatureOf(publicKey, signedBytes(domain, signed.body), signed.signature)) {
    throw new SignatureError({ code: "SIGNATURE_INVALID", domain, signer });
  }
  return signed.body;
}

function signedBytes(domain: string, body: unknown): Uint8Array {
  return encodeCanonical([domain, body]);
}
