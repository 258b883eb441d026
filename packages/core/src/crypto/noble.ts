/** SHA-256 and ed25519 for pages, whose own (WebCrypto) answer later; ids and signatures are wanted at once. */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 as hash } from "@noble/hashes/sha2.js";

export function sha256(bytes: Uint8Array): Uint8Array {
  return hash(bytes);
}

/** @param seed 32 bytes */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return ed25519.getPublicKey(seed);
}

export function ed25519Sign(seed: Uint8Array, bytes: Uint8Array): Uint8Array {
  return ed25519.sign(bytes, seed);
}

/** @param publicKey 32 bytes  @param signature 64 bytes */
export function ed25519Verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    // The RFC's own rules, which are OpenSSL's: the looser ones would accept here what a fog node refuses.
    return ed25519.verify(signature, bytes, publicKey, { zip215: false });
  } catch {
    return false; // a key that is no point of the curve
  }
}
