/** The chain as this home uses it, and who pays there: its own devnet where it has one, or what its settings name. */
import type { NetworkId, Toncenter } from "@pingo/ton";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { findAddressBook } from "./deploy-genesis.ts";
import { type Errand, runErrand } from "./errand.ts";
import { findHomePayer, openHomePayer } from "./local-payer.ts";
import { readWallet } from "./own-wallet.ts";

export interface OwnChain {
  readonly client: Toncenter;
  readonly network: NetworkId;
  /** Of the contracts in the address book. */
  readonly names: readonly string[];
  readonly bookPath: string;
  /** Of the contracts, by name; workchain:hex. @throws {CliError} NO_ADDRESS_BOOK where it is not named */
  addressOf(name: string): string;
  /** Of this home's wallet, workchain:hex. @throws {CliError} NO_WALLET */
  ownAddress(): Promise<string>;
  /**
   * In one order of this home's wallet, looked for until it is there.
   *
   * @throws {CliError} NO_WALLET, PASSPHRASE_NEEDED, GRAM_MISSING, REFUSED_ON_CHAIN; {ToncenterError} NOT_SEEN_ON_CHAIN
   */
  ask<T>(errand: Errand<T>): Promise<T>;
}

/** @throws {CliError} NO_ADDRESS_BOOK */
export async function openOwnChain(context: Context): Promise<OwnChain> {
  const { config, ports, signal } = context;
  const local = await findHomePayer(context);
  const bookPath = local?.bookPath ?? config.chain.addressBookPath;
  const book = await findAddressBook(context, bookPath);
  if (book === undefined) throw new CliError({ code: "NO_ADDRESS_BOOK", path: bookPath });
  const { createToncenter, createWalletSender, walletContract } = await import("@pingo/ton");
  const endpoint = local?.endpoint ?? config.chain.endpoint;
  const client = createToncenter({ ...config.chain, endpoint, fetch: ports.fetch, clock: ports.clock });
  return {
    client,
    network: book.network,
    names: Object.keys(book.addresses),
    bookPath,
    addressOf(name) {
      const found = book.addresses[name];
      if (found === undefined) throw new CliError({ code: "NO_ADDRESS_BOOK", path: bookPath });
      return found;
    },
    async ownAddress() {
      if (local === undefined) return (await readWallet(context)).address;
      return walletContract(local.key.publicKey, local.network).address.toRawString();
    },
    async ask(errand) {
      const { key, network } = await openHomePayer(context);
      const sender = createWalletSender({ chain: client, key, network, clock: ports.clock, signal });
      return runErrand(context, { chain: client, sender }, errand);
    },
  };
}
