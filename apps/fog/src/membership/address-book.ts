/** Where the contracts are, as a deployment wrote it down. */
import { type Disk, parseShape } from "@pingo/core";
import { z } from "zod";
import { FogError } from "../fault.ts";

export interface AddressBook {
  readonly minter: string;
  readonly quorum: string;
  readonly certificates: string;
}

const BOOK_BYTES_MAX = 65_536;
const zAddress = z.string().regex(/^0:[0-9a-f]{64}$/, "expected a raw address, like 0:…");
const zBook: z.ZodType<AddressBook> = z.object({
  minter: zAddress,
  quorum: zAddress,
  certificates: zAddress,
});

/** @throws {FogError} ADDRESS_BOOK_MISSING; {ShapeError} */
export async function readAddressBook(disk: Disk, path: string): Promise<AddressBook> {
  const bytes = await disk.read(path);
  if (bytes === undefined || bytes.byteLength > BOOK_BYTES_MAX)
    throw new FogError({ code: "ADDRESS_BOOK_MISSING", path });
  const value = jsonOrNull(new TextDecoder().decode(bytes));
  const addresses =
    typeof value === "object" && value !== null && "addresses" in value ? value.addresses : value;
  return parseShape(zBook, addresses, path);
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // no address book: refused by its shape
  }
}
