/** The chain as a station speaks to it: one client, and one wallet, whose orders come one after the other. */
import { isFault, type KeyPair, type Log, type Ports, type RegistryRef } from "@pingo/core";
import type { Toncenter, WalletSender } from "@pingo/ton";
import type { FogConfig } from "../config.ts";
import { FogError } from "../fault.ts";
import { type AddressBook, readAddressBook } from "./address-book.ts";

export interface StationChain {
  readonly client: Toncenter;
  /** Of the station's own key. */
  readonly wallet: WalletSender;
  readonly book: AddressBook;
  readonly network: -239 | -3;
  /** Where stakes stand; null in a book from before there were any. */
  readonly registry: RegistryRef | null;
}

/**
 * What knows TON is loaded only where a chain is configured: it takes 30 MB.
 *
 * @returns undefined where none is
 * @throws {FogError} ADDRESS_BOOK_MISSING, BOOK_OF_ANOTHER_NETWORK, CHAIN_OF_ANOTHER_NETWORK, CONTRACTS_MISSING; {ShapeError}
 */
export async function openStationChain(
  { chain, network }: Pick<FogConfig, "chain" | "network">,
  key: KeyPair,
  { disk, clock, fetch, log }: Ports,
  signal: AbortSignal,
): Promise<StationChain | undefined> {
  if (chain === undefined) return undefined;
  const { endpoint, apiKey, addressBookPath } = chain;
  const book = await readAddressBook(disk, addressBookPath, network);
  const { createToncenter, createWalletSender } = await import("@pingo/ton");
  const client = createToncenter({ endpoint, apiKey, fetch, clock });
  await checkChain(client, { book, network, path: addressBookPath, log, signal });
  const wallet = createWalletSender({ chain: client, key, network, clock, signal });
  const registry = book.registry === undefined ? null : { address: book.registry, network };
  return { client, wallet, book, network, registry };
}

/** Of the wrong chain every later question would be answered, and all of it wrong. One that does not answer now may do so later. */
export async function checkChain(
  client: Toncenter,
  options: {
    readonly book: Pick<AddressBook, "minter">;
    readonly network: -239 | -3;
    readonly path: string;
    readonly log: Log;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { book, network, path, log, signal } = options;
  const { Address } = await import("@ton/core");
  try {
    const found = await client.networkId(signal);
    if (found !== network)
      throw new FogError({ code: "CHAIN_OF_ANOTHER_NETWORK", host: client.host, found, expected: network });
    const minter = await client.account(Address.parseRaw(book.minter), signal);
    if (!minter.isActive) throw new FogError({ code: "CONTRACTS_MISSING", host: client.host, path });
  } catch (error) {
    if (error instanceof FogError || !isFault(error)) throw error;
    log.warn("chain_not_checked", { why: error.message });
  }
}
