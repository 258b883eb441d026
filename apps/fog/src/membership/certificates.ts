/**
 * Whether a wallet's certificate opens the door: asked of the chain, remembered for a while.
 *
 * A certificate that was valid stays so while the chain cannot be asked, until its own end and no longer than a day: members keep working when the chain
 * is down, and one that is revoked does not outlive the outage by much.
 */
import { type Clock, isFault, type Log } from "@pingo/core";
import type { Sql } from "../database/schema.ts";
import type { CertificateChain } from "./certificate-chain.ts";
import { findCertificate, saveCertificate } from "./member-store.ts";

export interface CertificateState {
  readonly isValid: boolean;
  /** 0: there is none. */
  readonly validUntilUnixS: number;
}

export interface CertificatesOptions {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
  readonly chain: CertificateChain;
}

/** What was valid is asked again after this long: as long as a revoked one may still open the door. */
export const VALID_MS = 60_000;
/** What was not valid: whoever waits for a certificate asks often. */
export const INVALID_MS = 2_000;
export const CHAIN_DOWN_MS_MAX = 24 * 3_600_000;

/** @throws {ToncenterError} where nothing is remembered that could answer */
export async function certificateOf(
  address: string,
  options: CertificatesOptions,
): Promise<CertificateState> {
  const { sql, clock, log, chain } = options;
  const known = await findCertificate(sql, address);
  const now = clock.nowUnixMs();
  const stateAt = (validUntilUnixS: number, atUnixMs: number): CertificateState => ({
    isValid: validUntilUnixS * 1000 > atUnixMs,
    validUntilUnixS,
  });
  // The chain's time counts, and a devnet's may be far ahead: what it said then holds for as long as it was said to.
  const ageMs = known === undefined ? Number.POSITIVE_INFINITY : Math.max(0, now - known.checkedUnixMs);
  const remembered = known && stateAt(known.validUntilUnixS, now);
  if (remembered && ageMs < (remembered.isValid ? VALID_MS : INVALID_MS)) return remembered;
  try {
    const { validUntilUnixS } = await chain.read(address);
    await saveCertificate(sql, { address, validUntilUnixS, checkedUnixMs: now });
    return stateAt(validUntilUnixS, now);
  } catch (error) {
    if (!isFault(error) || !remembered?.isValid || ageMs > CHAIN_DOWN_MS_MAX) throw error;
    log.warn("certificate_not_checked", { address, why: error.message, ageMs });
    return remembered;
  }
}
