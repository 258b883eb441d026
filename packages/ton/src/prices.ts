/**
 * The prices of TON's mainnet since 1 June 2026, put into an older configuration.
 *
 * The emulator from npm ships a configuration whose basechain costs six times as much, and cannot read the
 * newest one whole. Three parameters changed.
 * SOURCE: configuration of masterchain block 72712993, parameters 18 (storage), 21 (gas) and 25 (forwarding).
 */
import { type Builder, beginCell, type Cell, Dictionary } from "@ton/core";

const GAS_BASECHAIN =
  "D100000000000000640000000000001A0BDE000000000042AAAB00000000000F424000000000000F4240000000000000271000000000009896800000000005F5E100000000003B9ACA00";
const FORWARDING_BASECHAIN = "EA000000000001046B000000000042AAAB000000001A0AAAAB0001800055555555";

const STORAGE_TAG = 0xcc;
/** nano-GRAM of 2^16 seconds, by when they began. */
const STORAGE_PRICES = [
  { sinceUnixS: 0, bit: 1n, cell: 500n, masterchainBit: 1_000n, masterchainCell: 500_000n },
  { sinceUnixS: 1_777_500_000, bit: 0n, cell: 135n, masterchainBit: 1_000n, masterchainCell: 500_000n },
] as const;

const STORAGE_PARAMETER = 18;
const GAS_PARAMETER = 21;
const FORWARDING_PARAMETER = 25;

/** @param config a whole configuration, as `getConfigAll` gives it */
export function withMainnetPrices(config: Cell): Cell {
  const parameters = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), config);
  parameters.set(STORAGE_PARAMETER, storagePrices());
  parameters.set(GAS_PARAMETER, cellOfHex(GAS_BASECHAIN));
  parameters.set(FORWARDING_PARAMETER, cellOfHex(FORWARDING_BASECHAIN));
  return beginCell().storeDictDirect(parameters).endCell();
}

type StoragePrice = (typeof STORAGE_PRICES)[number];

function storagePrices(): Cell {
  const prices = Dictionary.empty(Dictionary.Keys.Uint(32), {
    serialize: (price: StoragePrice, builder: Builder) => {
      builder.storeUint(STORAGE_TAG, 8).storeUint(price.sinceUnixS, 32);
      for (const nano of [price.bit, price.cell, price.masterchainBit, price.masterchainCell])
        builder.storeUint(nano, 64);
    },
    parse: (): never => {
      throw new Error("written only");
    },
  });
  for (const price of STORAGE_PRICES) prices.set(price.sinceUnixS, price);
  return beginCell().storeDictDirect(prices).endCell();
}

function cellOfHex(hex: string): Cell {
  return beginCell().storeBuffer(Buffer.from(hex, "hex")).endCell();
}
