/** A wallet as it is kept: who it is in the clear, its 24 words sealed. */
import { type KeyPair, type Prng, parseShape } from "@pingo/core";
import { z } from "zod";
import { keyOfMnemonic, MNEMONIC_WORDS } from "./mnemonic.ts";
import { openSealed, seal, zSealed } from "./sealed.ts";
import { NETWORK_IDS, type NetworkId, walletContract } from "./wallet.ts";
import { WalletError } from "./wallet-error.ts";

export interface WalletFile {
  readonly kind: "pingo/wallet/v1";
  /** What the wallet's address and every signature of it hold for. */
  readonly network: NetworkId;
  /** workchain:hex */
  readonly address: string;
  /** Hexadecimal. */
  readonly publicKey: string;
  readonly sealed: z.infer<typeof zSealed>;
}

export const WALLET_FILE_BYTES_MAX = 16_384;

const zWalletFile: z.ZodType<WalletFile> = z.strictObject({
  kind: z.literal("pingo/wallet/v1"),
  network: z.literal(NETWORK_IDS),
  address: z.string().regex(/^0:[0-9a-f]{64}$/, "expected a raw address, like 0:…"),
  publicKey: z.string().regex(/^[0-9a-f]{64}$/, "expected 32 bytes in hexadecimal"),
  sealed: zSealed,
});

/** @throws {ShapeError} SHAPE_INVALID; {WalletError} WALLET_ALTERED */
export function parseWalletFile(value: unknown, what: string): WalletFile {
  const file = parseShape(zWalletFile, value, what);
  // Told before the passphrase is asked for: an altered address would be shown, and paid to.
  const own = walletContract(Buffer.from(file.publicKey, "hex"), file.network).address.toRawString();
  if (own !== file.address) throw new WalletError({ code: "WALLET_ALTERED", what });
  return file;
}

/** @throws {WalletError} PASSPHRASE_TOO_SHORT */
export async function sealWallet(
  words: readonly string[],
  {
    network,
    passphrase,
    prng,
  }: { readonly network: NetworkId; readonly passphrase: string; readonly prng: Prng },
): Promise<WalletFile> {
  const { publicKey } = await keyOfMnemonic(words);
  const open = {
    kind: "pingo/wallet/v1",
    network,
    address: walletContract(publicKey, network).address.toRawString(),
    publicKey: Buffer.from(publicKey).toString("hex"),
  } as const;
  return { ...open, sealed: seal(new TextEncoder().encode(words.join(" ")), passphrase, open, prng) };
}

/** @throws {WalletError} PASSPHRASE_WRONG */
export function wordsOfWallet({ sealed, ...open }: WalletFile, passphrase: string): readonly string[] {
  const words = new TextDecoder().decode(openSealed(sealed, passphrase, open)).split(" ");
  if (words.length !== MNEMONIC_WORDS)
    throw new WalletError({ code: "MNEMONIC_LENGTH", words: words.length });
  return words;
}

/** @throws {WalletError} PASSPHRASE_WRONG */
export async function keyOfWalletFile(file: WalletFile, passphrase: string): Promise<KeyPair> {
  return keyOfMnemonic(wordsOfWallet(file, passphrase));
}
