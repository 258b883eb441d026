/** SHA-256 and ed25519 by node:crypto. Its twin for pages is noble.ts; one suite holds for both. SOURCE: RFC 8032. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

/** @param seed 32 bytes */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  const spki = createPublicKey(privateKeyOf(seed)).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(SPKI_HEAD.byteLength));
}

export function ed25519Sign(seed: Uint8Array, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, bytes, privateKeyOf(seed)));
}

/** @param publicKey 32 bytes  @param signature 64 bytes */
export function ed25519Verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({
    key: Buffer.concat([SPKI_HEAD, publicKey]),
    format: "der",
    type: "spki",
  });
  return verify(null, bytes, key, signature);
}

function privateKeyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
}
