/** The 24 words that are a wallet, and the key that they give. SOURCE: TON's Mnemonic.cpp, by way of @ton/crypto. */
import { type KeyPair, keyPairOfSeed, type Prng } from "@pingo/core";
import { mnemonicToPrivateKey, mnemonicValidate, mnemonicWordList } from "@ton/crypto";
import { WalletError } from "./wallet-error.ts";

export const MNEMONIC_WORDS = 24;
const SEED_BYTES = 32;
/** One draw in 256 is a wallet without a password: never to find one has a chance of e^-80. */
const DRAWS_MAX = 20_480;

/** @param prng of secrets: the system's */
export async function drawMnemonic(prng: Prng): Promise<readonly string[]> {
  for (let draws = 0; draws < DRAWS_MAX; draws++) {
    const words = Array.from({ length: MNEMONIC_WORDS }, () => wordAt(prng.int(mnemonicWordList.length)));
    if (await mnemonicValidate(words)) return words;
  }
  throw new Error(`no wallet in ${DRAWS_MAX} draws: the source of chance is broken`);
}

/**
 * What a person typed, or a file holds, as words.
 *
 * @throws {WalletError} MNEMONIC_LENGTH, MNEMONIC_WORD, MNEMONIC_INVALID; none of them repeats a word
 */
export async function parseMnemonic(text: string): Promise<readonly string[]> {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length !== MNEMONIC_WORDS)
    throw new WalletError({ code: "MNEMONIC_LENGTH", words: words.length });
  const unknown = words.findIndex((word) => !mnemonicWordList.includes(word));
  if (unknown >= 0) throw new WalletError({ code: "MNEMONIC_WORD", place: unknown + 1 });
  if (!(await mnemonicValidate([...words]))) throw new WalletError({ code: "MNEMONIC_INVALID" });
  return words;
}

export async function keyOfMnemonic(words: readonly string[]): Promise<KeyPair> {
  const { secretKey } = await mnemonicToPrivateKey([...words]);
  return keyPairOfSeed(new Uint8Array(secretKey.subarray(0, SEED_BYTES)));
}

function wordAt(index: number): string {
  const word = mnemonicWordList[index];
  if (word === undefined) throw new RangeError(`there is no word ${index}`);
  return word;
}
