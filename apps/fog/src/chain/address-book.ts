/** Where the contracts are, as a deployment wrote it down. */
import { ADDRESS_BOOK_BYTES_MAX, type Disk, parseShape, zAddressBookFile } from "@pingo/core";
import { z } from "zod";
import { FogError } from "../fault.ts";

/** Those that a station speaks to. */
export interface AddressBook {
  readonly minter: string;
  readonly quorum: string;
  readonly certificates: string;
  readonly registry?: string | undefined;
  /** The emission's vaults. */
  readonly compute?: string | undefined;
  readonly fog?: string | undefined;
}

const zBook: z.ZodType<AddressBook> = z.object({
  minter: z.string(),
  quorum: z.string(),
  certificates: z.string(),
  registry: z.string().optional(),
  compute: z.string().optional(),
  fog: z.string().optional(),
});

/** @throws {FogError} ADDRESS_BOOK_MISSING, BOOK_OF_ANOTHER_NETWORK; {ShapeError} */
export async function readAddressBook(disk: Disk, path: string, network: -239 | -3): Promise<AddressBook> {
  const bytes = await disk.read(path);
  if (bytes === undefined || bytes.byteLength > ADDRESS_BOOK_BYTES_MAX)
    throw new FogError({ code: "ADDRESS_BOOK_MISSING", path });
  const file = parseShape(zAddressBookFile, jsonOrNull(new TextDecoder().decode(bytes)), path);
  if (file.network !== network)
    throw new FogError({ code: "BOOK_OF_ANOTHER_NETWORK", path, found: file.network, expected: network });
  return parseShape(zBook, file.addresses, `the addresses in ${path}`);
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // no address book: refused by its shape
  }
}
