/** What a wallet has on its chain: GRAM, PINGO free and locked, and its certificate; or why nobody can say. */
import { formatBytes, formatCores, formatPingo, isFault } from "@pingo/core";
import type { WalletFile } from "@pingo/ton";
import type { ChainConfig } from "../config.ts";
import type { Context } from "../context.ts";
import { findAddressBook } from "./deploy-genesis.ts";

export interface WalletBalances {
  readonly gramNano: string;
  /** null where no address book says which PINGO. */
  readonly pingoNano: string | null;
  /** In the wallet's lock: it votes. */
  readonly lockedNano: string | null;
  readonly certificate: CertificateStanding | null;
}

export interface CertificateStanding {
  readonly state: "valid" | "revoked" | "lapsed";
  readonly millicores: number;
  readonly bytes: number;
  readonly tier: number;
  readonly validUntilUnixS: number;
}

export type OwnAddress = Pick<WalletFile, "address" | "network" | "publicKey">;

/** A sentence's end where the chain cannot be asked. */
export type BalancesOrWhy = { readonly balances: WalletBalances } | { readonly unknown: string };

/** Nothing here fails: a wallet's address is told without a chain too. */
export async function readBalances(
  context: Context,
  wallet: OwnAddress,
  where: ChainConfig = context.config.chain,
): Promise<BalancesOrWhy> {
  const { signal } = context;
  try {
    const book = await findAddressBook(context, where.addressBookPath);
    if (book === undefined && !where.isNamed)
      return { unknown: "no chain is set up here (TON_ENDPOINT, or an address book)" };
    if (book !== undefined && book.network !== wallet.network)
      return { unknown: `the address book is of network ${book.network}, the wallet of ${wallet.network}` };
    return { balances: await askChain(context, wallet, where, book?.addresses ?? {}) };
  } catch (error) {
    signal.throwIfAborted();
    if (isFault(error)) return { unknown: error.message };
    throw error;
  }
}

export function balanceLines(found: BalancesOrWhy): readonly string[] {
  if ("unknown" in found) return [`balances: unknown; ${found.unknown}`];
  const { gramNano, pingoNano, lockedNano, certificate } = found.balances;
  const gram = `${formatPingo(BigInt(gramNano)).replace("PINGO", "GRAM")}`;
  if (pingoNano === null || lockedNano === null)
    return [`${gram}; no address book says which PINGO and certificates are meant`];
  const locked = lockedNano === "0" ? "" : `, and ${formatPingo(BigInt(lockedNano))} locked in votes`;
  return [`${gram}, ${formatPingo(BigInt(pingoNano))}${locked}`, `certificate: ${wordsOf(certificate)}`];
}

function wordsOf(certificate: CertificateStanding | null): string {
  if (certificate === null) return 'none; "pingo node join" earns one';
  const { state, millicores, bytes, tier, validUntilUnixS } = certificate;
  const day = new Date(validUntilUnixS * 1000).toLocaleDateString("sv-SE");
  const size = `${formatCores(millicores)}, ${formatBytes(bytes)}, tier ${tier}`;
  return state === "valid" ? `valid until ${day}; ${size}` : `${state}; lend again, and it is renewed`;
}

async function askChain(
  { ports, signal }: Context,
  wallet: OwnAddress,
  where: ChainConfig,
  { minter, governance, certificates }: Readonly<Record<string, string>>,
): Promise<WalletBalances> {
  const { createToncenter } = await import("@pingo/ton");
  const { Address } = await import("@ton/core");
  const chain = createToncenter({ ...where, fetch: ports.fetch, clock: ports.clock });
  const own = Address.parseRaw(wallet.address);
  const { balanceNanogram } = await chain.account(own, signal);
  const gramNano = balanceNanogram.toString();
  if (minter === undefined || governance === undefined || certificates === undefined)
    return { gramNano, pingoNano: null, lockedNano: null, certificate: null };
  const { Certificate, isCertificateValid, Lock, PingoWallet } = await import("@pingo/contracts");
  const tokens = Address.parseRaw(minter);
  const pingoNano = await chain.open(new PingoWallet(own, tokens)).getBalanceNano();
  const lock = await chain.open(new Lock(own, Address.parseRaw(governance), tokens)).getView();
  const view = await chain.open(new Certificate(own, Address.parseRaw(certificates))).getView();
  const isValid = isCertificateValid(view, await chain.nowUnixS(signal));
  return {
    gramNano,
    pingoNano: pingoNano.toString(),
    lockedNano: (lock?.amountNano ?? 0n).toString(),
    certificate: view && {
      state: isValid ? "valid" : view.revokedAtUnixS > 0 ? "revoked" : "lapsed",
      millicores: Number(view.millicores),
      bytes: Number(view.bytes),
      tier: view.tier,
      validUntilUnixS: view.validUntilUnixS,
    },
  };
}
