import { isSignatureOf, keyPairOfSeed } from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { Address, Cell, loadMessage } from "@ton/core";
import { mnemonicNew, mnemonicToPrivateKey } from "@ton/crypto";
import { WalletContractV5R1 } from "@ton/ton";
import { expect, test } from "vitest";
import { keyOfWallet } from "../sign-in/wallet-keys.ts";
import { drawMnemonic, keyOfMnemonic, parseMnemonic } from "./mnemonic.ts";
import { seal } from "./sealed.ts";
import { signWalletOrder, walletContract } from "./wallet.ts";
import { keyOfWalletFile, parseWalletFile, sealWallet, wordsOfWallet } from "./wallet-file.ts";

const PASSPHRASE = "correct horse battery";

test("words drawn here are read by others, and words of others are read here, to the same key", async () => {
  for (const words of [await drawMnemonic(systemPrng), await mnemonicNew(24)]) {
    expect(await parseMnemonic(` ${words.join("\n").toUpperCase()} `)).toEqual(words);
    const theirs = await mnemonicToPrivateKey([...words]);
    expect(Buffer.from((await keyOfMnemonic(words)).publicKey)).toEqual(theirs.publicKey);
  }
});

test("words that are no wallet are refused without being repeated", async () => {
  const words = await mnemonicNew(24);
  await expect(parseMnemonic(words.slice(1).join(" "))).rejects.toMatchObject({ fault: { words: 23 } });
  const misspelt = words.with(4, "zzyzx");
  await expect(parseMnemonic(misspelt.join(" "))).rejects.toMatchObject({ fault: { place: 5 } });
  await expect(parseMnemonic(misspelt.join(" "))).rejects.not.toThrow("zzyzx");
  const others = Array.from({ length: 24 }, () => "abandon");
  await expect(parseMnemonic(others.join(" "))).rejects.toMatchObject({ code: "MNEMONIC_INVALID" });
});

test("a wallet file opens with its passphrase alone, and with nothing in it altered", async () => {
  const words = await drawMnemonic(systemPrng);
  const made = await sealWallet(words, { network: -3, passphrase: PASSPHRASE, prng: systemPrng });
  const text = JSON.stringify(made);
  // The file's own keys ("address") are words of the list too.
  expect(words.filter((word) => word.length > 4 && text.includes(word)).length).toBeLessThan(4);
  const file = parseWalletFile(JSON.parse(text), "the wallet");
  expect(wordsOfWallet(file, PASSPHRASE)).toEqual(words);
  expect((await keyOfWalletFile(file, PASSPHRASE)).publicKey).toEqual((await keyOfMnemonic(words)).publicKey);
  const flipped = file.sealed.bytes.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
  const wrong: readonly [typeof file, string][] = [
    [file, `${PASSPHRASE}!`],
    [{ ...file, network: -239 }, PASSPHRASE],
    [{ ...file, address: `0:${"0".repeat(64)}` }, PASSPHRASE],
    [{ ...file, sealed: { ...file.sealed, bytes: flipped } }, PASSPHRASE],
    [{ ...file, sealed: { ...file.sealed, bytes: "00" } }, PASSPHRASE],
  ];
  for (const [altered, passphrase] of wrong)
    expect(() => wordsOfWallet(altered, passphrase)).toThrow(
      expect.objectContaining({ code: "PASSPHRASE_WRONG" }),
    );
});

test("a short passphrase is refused, and so is a file that asks for another key derivation", async () => {
  const sealed = seal(Uint8Array.of(1), PASSPHRASE, {}, systemPrng);
  expect(() => seal(Uint8Array.of(1), "1234567", {}, systemPrng)).toThrow(
    expect.objectContaining({ code: "PASSPHRASE_TOO_SHORT" }),
  );
  const open = {
    kind: "pingo/wallet/v1",
    network: -3,
    address: walletContract(keyPairOfSeed(new Uint8Array(32)).publicKey, -3).address.toRawString(),
    publicKey: Buffer.from(keyPairOfSeed(new Uint8Array(32)).publicKey).toString("hex"),
  };
  expect(() => parseWalletFile({ ...open, sealed }, "the wallet")).not.toThrow();
  for (const altered of [
    { address: `0:${"0".repeat(64)}` },
    { network: -239 },
    { publicKey: "0".repeat(64) },
  ])
    expect(() => parseWalletFile({ ...open, ...altered, sealed }, "the wallet")).toThrow(
      expect.objectContaining({ code: "WALLET_ALTERED" }),
    );
  for (const scrypt of [
    { ...sealed.scrypt, n: 2 ** 30 },
    { ...sealed.scrypt, n: 2 },
    { ...sealed.scrypt, p: 64 },
  ])
    expect(() => parseWalletFile({ ...open, sealed: { ...sealed, scrypt } }, "the wallet")).toThrow(
      expect.objectContaining({ code: "SHAPE_INVALID" }),
    );
});

test("a wallet's address is that of the public wrapper, another on each network, and its order verifies under its key", async () => {
  const key = keyPairOfSeed(new Uint8Array(32).fill(7));
  const [main, testnet] = [walletContract(key.publicKey, -239), walletContract(key.publicKey, -3)];
  expect(main.address.equals(testnet.address)).toBe(false);
  const theirs = WalletContractV5R1.create({ publicKey: Buffer.from(key.publicKey) });
  expect(main.address.equals(theirs.address)).toBe(true);
  expect(keyOfWallet(testnet.init)).toEqual({ version: "v5r1", publicKey: key.publicKey });

  const to = new Address(0, Buffer.alloc(32, 9));
  const boc = await signWalletOrder(key, -3, {
    messages: [{ to, valueNanogram: 5n }],
    seqno: 0,
    validUntilUnixS: 2_000_000_000,
  });
  const [root] = Cell.fromBoc(boc);
  const message = loadMessage((root ?? Cell.EMPTY).beginParse());
  expect(message.info.type).toBe("external-in");
  expect(message.info.dest?.toString()).toBe(testnet.address.toString());
  expect(message.init?.code?.equals(testnet.init.code)).toBe(true);
  const body = message.body.beginParse();
  const signed = body.clone();
  const bits = signed.remainingBits - 512;
  const unsigned = message.body.bits.substring(0, bits);
  const rest = message.body.refs;
  const signature = body.skip(bits).loadBuffer(64);
  const hash = new Cell({ bits: unsigned, refs: rest }).hash();
  expect(isSignatureOf(key.publicKey, hash, signature)).toBe(true);
});
