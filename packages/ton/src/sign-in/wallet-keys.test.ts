import { keyPairOfSeed } from "@pingo/core";
import { beginCell, type StateInit } from "@ton/core";
import {
  WalletContractV1R1,
  WalletContractV1R2,
  WalletContractV1R3,
  WalletContractV2R1,
  WalletContractV2R2,
  WalletContractV3R1,
  WalletContractV3R2,
  WalletContractV4,
  WalletContractV5Beta,
  WalletContractV5R1,
} from "@ton/ton";
import fc from "fast-check";
import { expect, test } from "vitest";
import { keyOfWallet } from "./wallet-keys.ts";

const MAKERS: Readonly<Record<string, (publicKey: Buffer) => { readonly init: StateInit }>> = {
  v1r1: (publicKey) => WalletContractV1R1.create({ workchain: 0, publicKey }),
  v1r2: (publicKey) => WalletContractV1R2.create({ workchain: 0, publicKey }),
  v1r3: (publicKey) => WalletContractV1R3.create({ workchain: 0, publicKey }),
  v2r1: (publicKey) => WalletContractV2R1.create({ workchain: 0, publicKey }),
  v2r2: (publicKey) => WalletContractV2R2.create({ workchain: 0, publicKey }),
  v3r1: (publicKey) => WalletContractV3R1.create({ workchain: 0, publicKey }),
  v3r2: (publicKey) => WalletContractV3R2.create({ workchain: 0, publicKey }),
  v4r2: (publicKey) => WalletContractV4.create({ workchain: 0, publicKey }),
  v5beta: (publicKey) => WalletContractV5Beta.create({ publicKey }),
  v5r1: (publicKey) => WalletContractV5R1.create({ publicKey }),
};

test.each(Object.keys(MAKERS))(
  "the key of a %s wallet is read from the state that the public wrapper makes",
  (version) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        const { publicKey } = keyPairOfSeed(seed);
        const init = MAKERS[version]?.(Buffer.from(publicKey)).init;
        expect(keyOfWallet(init ?? {})).toEqual({ version, publicKey });
      }),
      { numRuns: 20 },
    );
  },
);

test("other code has no known key; a known wallet with other data is refused", () => {
  const { code, data } = WalletContractV5R1.create({ publicKey: Buffer.alloc(32, 1) }).init;
  expect(keyOfWallet({ code: beginCell().storeUint(1, 8).endCell(), data })).toBeUndefined();
  expect(keyOfWallet({ data })).toBeUndefined();
  expect(() => keyOfWallet({ code, data: beginCell().storeUint(1, 8).endCell() })).toThrow(RangeError);
});
