/**
 * The number by which a piece of work is drawn: from the station's key and the receipt, so that nobody who does the work can know it before, or choose a
 * receipt by it, and a station that starts again draws no other.
 */
import { type Cid, encodeCanonical, type KeyPair, sha256 } from "@pingo/core";

const DOMAIN = "pingo/audit-draw/v1";

/** @returns from 0 to 1, without 1 */
export function drawOf(key: Pick<KeyPair, "seed">, receipt: Cid): number {
  // Of a hash of the seed: what a draw could tell of its input is not the key.
  const secret = new Uint8Array(sha256(encodeCanonical([DOMAIN, key.seed])));
  const drawn = new Uint8Array(sha256(encodeCanonical([DOMAIN, secret, receipt])));
  return new DataView(drawn.buffer).getUint32(0) / 2 ** 32;
}
