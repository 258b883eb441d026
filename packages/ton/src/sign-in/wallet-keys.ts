/** Where wallets of known code keep their public key in their first data. */
import type { StateInit } from "@ton/core";

export type WalletVersion =
  | "v1r1"
  | "v1r2"
  | "v1r3"
  | "v2r1"
  | "v2r2"
  | "v3r1"
  | "v3r2"
  | "v4r2"
  | "v5beta"
  | "v5r1";

interface KnownWallet {
  readonly version: WalletVersion;
  /** Bits of data before the key. */
  readonly keyAtBit: number;
  readonly dataBits: number;
}

const SEQNO = 32;
const WALLET_ID = 32;
const KEY = 256;
const simple = { keyAtBit: SEQNO, dataBits: SEQNO + KEY };
const withId = { keyAtBit: SEQNO + WALLET_ID, dataBits: SEQNO + WALLET_ID + KEY };
const withPlugins = { keyAtBit: SEQNO + WALLET_ID, dataBits: SEQNO + WALLET_ID + KEY + 1 };
const v5beta = { keyAtBit: 33 + 80, dataBits: 33 + 80 + KEY + 1 };
const v5 = { keyAtBit: 1 + SEQNO + WALLET_ID, dataBits: 1 + SEQNO + WALLET_ID + KEY + 1 };

/** By code hash; wallet-keys.test.ts compares them with the public wrappers. */
const WALLETS: Readonly<Record<string, KnownWallet>> = {
  a0cfc2c48aee16a271f2cfc0b7382d81756cecb1017d077faaab3bb602f6868c: { version: "v1r1", ...simple },
  d4902fcc9fad74698fa8e353220a68da0dcf72e32bcb2eb9ee04217c17d3062c: { version: "v1r2", ...simple },
  "587cc789eff1c84f46ec3797e45fc809a14ff5ae24f1e0c7a6a99cc9dc9061ff": { version: "v1r3", ...simple },
  "5c9a5e68c108e18721a07c42f9956bfb39ad77ec6d624b60c576ec88eee65329": { version: "v2r1", ...simple },
  fe9530d3243853083ef2ef0b4c2908c0abf6fa1c31ea243aacaa5bf8c7d753f1: { version: "v2r2", ...simple },
  b61041a58a7980b946e8fb9e198e3c904d24799ffa36574ea4251c41a566f581: { version: "v3r1", ...withId },
  "84dafa449f98a6987789ba232358072bc0f76dc4524002a5d0918b9a75d2d599": { version: "v3r2", ...withId },
  feb5ff6820e2ff0d9483e7e0d62c817d846789fb4ae580c878866d959dabd5c0: { version: "v4r2", ...withPlugins },
  f3d7ca53493deedac28b381986a849403cbac3d2c584779af081065af0ac4b93: { version: "v5beta", ...v5beta },
  "20834b7b72b112147e1b2fb457b84e74d1a30f04f737d4f62a668e9552d2b72f": { version: "v5r1", ...v5 },
};

/**
 * The key in a wallet's initial state; undefined when its code is not known.
 *
 * @throws RangeError when the data of a known wallet has another layout
 */
export function keyOfWallet(
  init: StateInit,
): { readonly version: WalletVersion; readonly publicKey: Uint8Array } | undefined {
  const wallet = WALLETS[init.code?.hash().toString("hex") ?? ""];
  if (wallet === undefined) return undefined;
  const data = init.data?.beginParse();
  if (data === undefined || data.remainingBits !== wallet.dataBits)
    throw new RangeError(`a ${wallet.version} wallet has ${wallet.dataBits} bits of data`);
  return {
    version: wallet.version,
    publicKey: new Uint8Array(data.skip(wallet.keyAtBit).loadBuffer(KEY / 8)),
  };
}
