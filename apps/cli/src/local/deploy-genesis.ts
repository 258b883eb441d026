/** A genesis file brought onto a chain, and the address book that comes of it. */
import type { Deployed } from "@pingo/contracts";
import { type AddressBookFile, parseShape, zAddressBookFile } from "@pingo/core";
import type { Toncenter, WalletSender } from "@pingo/ton";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";

export interface DeployGenesisOptions {
  /** The file's. */
  readonly text: string;
  /** Told with what is wrong in it. */
  readonly path?: string;
  readonly chain: Toncenter;
  readonly sender: WalletSender;
  readonly bookPath: string;
  readonly onProgress?: (standing: number, of: number) => void;
}

/** @throws {CliError} BOOK_OF_ANOTHER_GENESIS; {GenesisFileError}; {DeployError}; {ToncenterError} */
export async function deployGenesis(
  context: Context,
  options: DeployGenesisOptions,
): Promise<Deployed & { readonly book: AddressBookFile }> {
  const { text, path = "the genesis file", chain, sender, bookPath, onProgress } = options;
  const { clock, disk } = context.ports;
  const { deployContracts, digestOfGenesis, readGenesisFile } = await import("@pingo/contracts");
  const { genesis, value } = readGenesisFile(text, path);
  const digest = digestOfGenesis(value);
  // Before anything is sent: whoever has a network's address book does not lose it to another's.
  const before = await findAddressBook(context, bookPath);
  if (before !== undefined && before.genesis !== digest)
    throw new CliError({ code: "BOOK_OF_ANOTHER_GENESIS", path: bookPath });
  const { signal } = context;
  const deployed = await deployContracts({
    ...{ genesis, chain, sender, clock, signal },
    ...(onProgress && { onProgress }),
  });
  const { network, addressBook: addresses } = deployed;
  const book: AddressBookFile = { kind: "pingo/address-book/v1", network, genesis: digest, addresses };
  await disk.write(bookPath, new TextEncoder().encode(`${JSON.stringify(book, null, 2)}\n`));
  return { ...deployed, book };
}

/** undefined where there is none. @throws {ShapeError} */
export async function findAddressBook(
  { ports: { disk } }: Context,
  path: string,
): Promise<AddressBookFile | undefined> {
  const bytes = await disk.read(path);
  if (bytes === undefined) return undefined;
  return parseShape(zAddressBookFile, jsonOf(new TextDecoder().decode(bytes), path), path);
}

function jsonOf(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError({ code: "FILE_NOT_JSON", path, why }, { cause });
  }
}
