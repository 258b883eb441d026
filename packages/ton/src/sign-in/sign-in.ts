/**
 * Signs a wallet in: issues a nonce, and checks the proof that answers it.
 *
 * A proof is accepted when the network is ours, the domain is one of ours, its time is now, the nonce is ours
 * and unspent, the address is the hash of the wallet's initial state, and the key in that state signed it all.
 */
import { type Clock, equalBytes, isSignatureOf, isSmallOrderKey, type Prng, parseShape } from "@pingo/core";
import { Address, contractAddress, loadStateInit, type StateInit } from "@ton/core";
import { type BocLimits, parseBoc } from "../boc.ts";
import { createMemorySpentNonces, createNonces, type SpentNonces } from "./nonce.ts";
import { proofDigest, type WalletProof, zWalletProof } from "./proof.ts";
import { SignInError } from "./sign-in-error.ts";
import { keyOfWallet } from "./wallet-keys.ts";

/** From question to answer a person looks at a phone. */
const NONCE_TTL_MS = 15 * 60_000;
const PROOF_AGE_MAX_MS = 15 * 60_000;
/** Devices' clocks differ. */
const PROOF_AHEAD_MAX_MS = 60_000;
const SECRET_BYTES = 32;
const STATE_INIT_LIMITS: BocLimits = { bytesMax: 24_576, depthMax: 64, cellsMax: 512 };

export interface SignInOptions {
  /** "-239" mainnet, "-3" testnet. */
  readonly network: string;
  /** Hosts that serve our manifest. */
  readonly domains: readonly string[];
  readonly clock: Clock;
  /** Of secrets: the system's. */
  readonly prng: Prng;
  readonly nonceTtlMs?: number;
  readonly proofAgeMaxMs?: number;
  /** For several processes behind one door; both in memory otherwise. */
  readonly shared?: { readonly secret: Uint8Array; readonly spent: SpentNonces };
  /** The contract's `get_public_key`, asked for wallets of unknown code; undefined when it tells none. */
  readonly readPublicKey?: (address: string) => Promise<Uint8Array | undefined>;
}

export interface SignedIn {
  /** workchain:hex, lower case. */
  readonly address: string;
  readonly publicKey: Uint8Array;
  readonly network: string;
}

export interface SignIn {
  /** For `ton_proof`'s payload. */
  issueNonce(): string;
  /**
   * @param value what the client sent
   * @throws {ShapeError} SHAPE_INVALID
   * @throws {SignInError}
   */
  verify(value: unknown): Promise<SignedIn>;
}

export function createSignIn(options: SignInOptions): SignIn {
  const { network, clock, prng, readPublicKey } = options;
  const domains = new Set(options.domains);
  const ageMaxMs = options.proofAgeMaxMs ?? PROOF_AGE_MAX_MS;
  const { secret, spent } = options.shared ?? {
    secret: prng.bytes(SECRET_BYTES),
    spent: createMemorySpentNonces(clock),
  };
  const nonces = createNonces({ secret, spent, ttlMs: options.nonceTtlMs ?? NONCE_TTL_MS, clock, prng });
  return {
    issueNonce: () => nonces.issue(),
    async verify(value) {
      const { account, proof } = parseShape(zWalletProof, value, "the wallet's proof");
      if (account.chain !== network)
        throw new SignInError({ code: "NETWORK_MISMATCH", found: account.chain, expected: network });
      checkDomain(proof.domain, domains);
      checkTime(proof.timestamp * 1000, clock.nowUnixMs(), ageMaxMs);
      nonces.check(proof.payload);
      const { address, init } = readWallet(account);
      const text = address.toRawString();
      const publicKey = await keyOf(init, text, readPublicKey);
      checkKey(publicKey, account.publicKey, text);
      if (!isSignatureOf(publicKey, proofDigest(address, proof), Buffer.from(proof.signature, "base64")))
        throw new SignInError({ code: "PROOF_SIGNATURE_INVALID", address: text });
      // Last: a proof that is refused must not spend the nonce of the one that would not be.
      await nonces.spend(proof.payload);
      return { address: text, publicKey, network };
    },
  };
}

function checkDomain(
  { lengthBytes, value }: WalletProof["proof"]["domain"],
  ours: ReadonlySet<string>,
): void {
  const bytes = Buffer.byteLength(value, "utf8");
  if (bytes !== lengthBytes)
    throw new SignInError({ code: "DOMAIN_LENGTH_MISMATCH", stated: lengthBytes, bytes });
  if (!ours.has(value)) throw new SignInError({ code: "DOMAIN_UNKNOWN", domain: value });
}

function checkTime(signedUnixMs: number, nowUnixMs: number, ageMaxMs: number): void {
  const ageMs = nowUnixMs - signedUnixMs;
  if (ageMs > ageMaxMs)
    throw new SignInError({
      code: "PROOF_TOO_OLD",
      ageS: Math.floor(ageMs / 1000),
      ageMaxS: Math.floor(ageMaxMs / 1000),
    });
  if (-ageMs > PROOF_AHEAD_MAX_MS)
    throw new SignInError({ code: "PROOF_FROM_FUTURE", aheadS: Math.floor(-ageMs / 1000) });
}

function readWallet(account: WalletProof["account"]): {
  readonly address: Address;
  readonly init: StateInit;
} {
  const address = Address.parseRaw(account.address);
  const init = readStateInit(account.walletStateInit);
  if (!contractAddress(address.workChain, init).equals(address))
    throw new SignInError({ code: "ADDRESS_MISMATCH", address: address.toRawString() });
  return { address, init };
}

function readStateInit(base64: string): StateInit {
  try {
    const slice = parseBoc(Buffer.from(base64, "base64"), STATE_INIT_LIMITS).beginParse();
    const init = loadStateInit(slice);
    slice.endParse();
    return init;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SignInError({ code: "STATE_INIT_MALFORMED", why: why.slice(0, 120) }, { cause });
  }
}

async function keyOf(
  init: StateInit,
  address: string,
  readPublicKey: SignInOptions["readPublicKey"],
): Promise<Uint8Array> {
  const publicKey = knownKeyOf(init) ?? (await readPublicKey?.(address));
  if (publicKey !== undefined) return publicKey;
  throw new SignInError({ code: "WALLET_UNKNOWN", codeHash: init.code?.hash().toString("hex") ?? "none" });
}

function knownKeyOf(init: StateInit): Uint8Array | undefined {
  try {
    return keyOfWallet(init)?.publicKey;
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new SignInError({ code: "STATE_INIT_MALFORMED", why: cause.message }, { cause });
  }
}

function checkKey(publicKey: Uint8Array, stated: string | undefined, address: string): void {
  if (stated !== undefined && !equalBytes(publicKey, Buffer.from(stated, "hex")))
    throw new SignInError({ code: "KEY_MISMATCH", address });
  if (publicKey.byteLength !== 32 || isSmallOrderKey(publicKey))
    throw new SignInError({ code: "KEY_WEAK", address });
}
