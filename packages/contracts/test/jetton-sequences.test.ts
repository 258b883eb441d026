import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeTransfer } from "../src/jetton/pingo-wallet.ts";

import { LooseChain, NANOGRAM, TestChain } from "../src/testing/index.ts";
import { ALICE, BOB, balanceNano, SHARE_NANO, sendGenesis, walletOf } from "./genesis.ts";
import { arbCommands, startHistory } from "./jetton-sequences.ts";

test("no history of messages makes tokens appear or vanish, or lets GRAM stick", async () => {
  const history = await startHistory();
  await fc.assert(
    fc.asyncProperty(arbCommands, async (commands) => await history.play(commands)),
    { numRuns: 150 },
  );
});

test("a message that the network returns restores what it took", async () => {
  const chain = await TestChain.start();
  await sendGenesis(chain);
  const loose = new LooseChain(chain);
  const body = encodeTransfer({ amountNano: 5n, to: BOB, excessesTo: ALICE });
  loose.post({ from: ALICE, to: walletOf(ALICE).address, valueNanogram: NANOGRAM, body });
  await loose.step(0, false);
  expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO - 5n);
  await loose.step(0, true);
  await loose.drain();
  expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO);
  expect(await balanceNano(chain, BOB)).toBe(SHARE_NANO);
});
