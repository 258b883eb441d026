/** The chain as a station speaks to it: one client, and one wallet, whose orders come one after the other. */
import type { KeyPair, Ports } from "@pingo/core";
import type { Toncenter, WalletSender } from "@pingo/ton";
import type { FogConfig } from "../config.ts";
import { type AddressBook, readAddressBook } from "./address-book.ts";

export interface StationChain {
  readonly client: Toncenter;
  /** Of the station's own key. */
  readonly wallet: WalletSender;
  readonly book: AddressBook;
  readonly network: -239 | -3;
}

/**
 * What knows TON is loaded only where a chain is configured: it takes 30 MB.
 *
 * @returns undefined where none is
 * @throws {FogError} ADDRESS_BOOK_MISSING, BOOK_OF_ANOTHER_NETWORK; {ShapeError}
 */
export async function openStationChain(
  { chain, network }: Pick<FogConfig, "chain" | "network">,
  key: KeyPair,
  { disk, clock, fetch }: Ports,
  signal: AbortSignal,
): Promise<StationChain | undefined> {
  if (chain === undefined) return undefined;
  const { endpoint, apiKey, addressBookPath } = chain;
  const book = await readAddressBook(disk, addressBookPath, network);
  const { createToncenter, createWalletSender } = await import("@pingo/ton");
  const client = createToncenter({ endpoint, apiKey, fetch, clock });
  const wallet = createWalletSender({ chain: client, key, network, clock, signal });
  return { client, wallet, book, network };
}
