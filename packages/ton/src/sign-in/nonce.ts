/**
 * Nonces that a proof must answer: 16 bytes of chance, when they expire, and an HMAC of both.
 *
 * Nothing is kept of a nonce that was only issued, so asking for many fills no memory. What is kept is which
 * were spent, until they would have expired anyway.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock, Prng } from "@pingo/core";
import { SignInError } from "./sign-in-error.ts";

const CHANCE_BYTES = 16;
const EXPIRY_BYTES = 6;
const SEAL_BYTES = 16;
const NONCE_BYTES = CHANCE_BYTES + EXPIRY_BYTES + SEAL_BYTES;
/** So that a nonce of another kind, under the same secret, is none of ours. */
const PURPOSE = "pingo/sign-in/v1";

/** Which nonces were used. Several processes behind one door share one, and the secret with it. */
export interface SpentNonces {
  /** Marks it and says whether it was unspent, in one step. It may be forgotten after `untilUnixMs`. */
  spend(nonce: string, untilUnixMs: number): Promise<boolean>;
}

export interface Nonces {
  issue(): string;
  /** @throws {SignInError} NONCE_UNKNOWN, NONCE_EXPIRED */
  check(nonce: string): { readonly expiresUnixMs: number };
  /** @throws {SignInError} NONCE_USED */
  spend(nonce: string): Promise<void>;
}

export interface NonceOptions {
  /** 32 bytes; who knows them issues nonces. */
  readonly secret: Uint8Array;
  readonly ttlMs: number;
  readonly spent: SpentNonces;
  readonly clock: Clock;
  readonly prng: Prng;
}

export function createNonces({ secret, ttlMs, spent, clock, prng }: NonceOptions): Nonces {
  const seal = (body: Uint8Array): Buffer =>
    createHmac("sha256", secret).update(PURPOSE).update(body).digest().subarray(0, SEAL_BYTES);
  const check: Nonces["check"] = (nonce) => {
    const bytes = Buffer.from(nonce, "base64url");
    // One spelling only: another would be the same nonce, unspent.
    if (bytes.byteLength !== NONCE_BYTES || bytes.toString("base64url") !== nonce)
      throw new SignInError({ code: "NONCE_UNKNOWN" });
    const body = bytes.subarray(0, NONCE_BYTES - SEAL_BYTES);
    if (!timingSafeEqual(seal(body), bytes.subarray(NONCE_BYTES - SEAL_BYTES)))
      throw new SignInError({ code: "NONCE_UNKNOWN" });
    const expiresUnixMs = body.readUIntBE(CHANCE_BYTES, EXPIRY_BYTES);
    if (clock.nowUnixMs() >= expiresUnixMs) throw new SignInError({ code: "NONCE_EXPIRED" });
    return { expiresUnixMs };
  };
  return {
    issue() {
      const body = Buffer.alloc(CHANCE_BYTES + EXPIRY_BYTES);
      body.set(prng.bytes(CHANCE_BYTES));
      body.writeUIntBE(clock.nowUnixMs() + ttlMs, CHANCE_BYTES, EXPIRY_BYTES);
      return Buffer.concat([body, seal(body)]).toString("base64url");
    },
    check,
    async spend(nonce) {
      const { expiresUnixMs } = check(nonce);
      if (!(await spent.spend(nonce, expiresUnixMs))) throw new SignInError({ code: "NONCE_USED" });
    },
  };
}

/**
 * Spent nonces of one process. A restart forgets them: it must come with a new secret, so that the nonces
 * of before are unknown rather than unspent.
 */
export function createMemorySpentNonces(clock: Clock): SpentNonces {
  const untilByNonce = new Map<string, number>();
  return {
    async spend(nonce, untilUnixMs) {
      // In the order of spending, which with one lifetime is nearly that of expiry.
      for (const [old, until] of untilByNonce) {
        if (until > clock.nowUnixMs()) break;
        untilByNonce.delete(old);
      }
      if (untilByNonce.has(nonce)) return false;
      untilByNonce.set(nonce, untilUnixMs);
      return true;
    },
  };
}
