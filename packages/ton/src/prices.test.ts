import { Cell, Dictionary } from "@ton/core";
import { Blockchain } from "@ton/sandbox";
import { expect, test } from "vitest";
import { withMainnetPrices } from "./prices.ts";

test("gas, forwarding and storage cost what they cost on mainnet since June 2026, and nothing else changed", async () => {
  const { config } = await Blockchain.create({ config: "slim" });
  const before = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), config);
  const after = Dictionary.loadDirect(
    Dictionary.Keys.Int(32),
    Dictionary.Values.Cell(),
    withMainnetPrices(config),
  );
  const changed = [...after.keys()].filter((key) => !after.get(key)?.equals(before.get(key) ?? Cell.EMPTY));
  expect(changed).toEqual([18, 21, 25]);

  // The hashes of the chain's own cells, of block 72712993.
  expect([18, 21, 25].map((key) => after.get(key)?.hash().toString("hex"))).toEqual([
    "0721d497c31b355ceb1ce1885d51a7d1b1f84a30a40400ebc6c792d76b23d5d8",
    "aaec03367c3035ee7af9fbb39460de98098b29c1006239ea2f8b27757fafc173",
    "260f1bacb2955389bda680175cb5d0c9dfdebe6f3b611812416140fbdd5a8b61",
  ]);
});

test("an emulator reads it, and a message costs a sixth of what the shipped configuration asks", async () => {
  const shipped = await Blockchain.create({ config: "slim" });
  const patched = await Blockchain.create({ config: withMainnetPrices(shipped.config) });
  const feeOf = async (chain: Blockchain): Promise<bigint> => {
    const [from, to] = [await chain.treasury("from"), await chain.treasury("to")];
    const { transactions } = await from.send({ to: to.address, value: 10n ** 9n });
    return transactions.reduce((sum, { totalFees }) => sum + totalFees.coins, 0n);
  };
  const [dear, cheap] = [await feeOf(shipped), await feeOf(patched)];
  expect(Number(dear) / Number(cheap)).toBeCloseTo(6, 1);
});
