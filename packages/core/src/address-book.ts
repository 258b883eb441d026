/** Where the contracts are, as a deployment writes it down and every room reads it. */
import { z } from "zod";

export interface AddressBookFile {
  readonly kind: "pingo/address-book/v1";
  /** -239 mainnet; -3 testnet, and the devnet with it. */
  readonly network: -239 | -3;
  /** SHA-256 of the canonical genesis file, in hexadecimal: whose contracts these are. */
  readonly genesis: string;
  /** By name, each in the form 0:…. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** In the home, unless a setting says otherwise. */
export const ADDRESS_BOOK_NAME = "address-book.json";
export const ADDRESS_BOOK_BYTES_MAX = 65_536;
const NAMES_MAX = 256;

const zRawAddress = z.string().regex(/^0:[0-9a-f]{64}$/, "expected a raw address, like 0:…");

export const zAddressBookFile: z.ZodType<AddressBookFile> = z.strictObject({
  kind: z.literal("pingo/address-book/v1"),
  network: z.literal([-239, -3]),
  genesis: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits"),
  addresses: z
    .record(z.string(), zRawAddress)
    .refine((addresses) => Object.keys(addresses).length <= NAMES_MAX, "there are too many"),
});
