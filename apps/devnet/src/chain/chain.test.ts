import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemPrng } from "@pingo/core/system";
import { silentLog } from "@pingo/core/testing";
import { Address } from "@ton/core";
import { expect, test } from "vitest";
import { openChainStore } from "../store/chain-store.ts";
import { Chain } from "./chain.ts";
import { createEngine } from "./engine.ts";

const BLOCK_MS = 20;
const SOMEBODY = new Address(0, Buffer.alloc(32, 7));

test("what a block that is full has no room for is granted in the next one, and nobody is told that the faucet is empty", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pingo-chain-"));
  await using cleaned = new AsyncDisposableStack();
  cleaned.defer(() => rm(folder, { recursive: true }));
  let [isSlow, lostMs] = [true, 0];
  const clock = {
    ...systemClock,
    // A machine that is busy with something else: a block's time is over when it has begun.
    monotonicMs() {
      if (isSlow) lostMs += BLOCK_MS;
      return systemClock.monotonicMs() + lostMs;
    },
  };
  const store = cleaned.use(await openChainStore(folder, undefined));
  const engine = await createEngine();
  const options = { store, engine, clock, prng: systemPrng, log: silentLog, blockMs: BLOCK_MS };
  const chain = cleaned.use(new Chain(options));
  const granted = chain.grant(SOMEBODY, 5n);
  chain.start();
  for (let blocks = 0; blocks < 3; blocks++) expect((await chain.nextBlock()).transactions).toEqual([]);
  isSlow = false;
  const { seqno } = await granted;
  expect(seqno).toBeGreaterThan(3);
  await expect.poll(() => chain.account(SOMEBODY).balance).toBe(5n);
});
