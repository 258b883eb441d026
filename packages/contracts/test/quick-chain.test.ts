import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeTransfer } from "../src/jetton/pingo-wallet.ts";
import { type Chain, NANOGRAM, QuickChain, type Step, TestChain } from "../src/testing/index.ts";
import { ALICE, BOB, CAROL, DEPLOYER, MALLORY, sendGenesis, walletOf } from "./genesis.ts";

const PEOPLE = [ALICE, BOB, CAROL, MALLORY];
const arbPerson = fc.constantFrom(...PEOPLE);
const arbTransfers = fc.array(
  fc.record({
    from: arbPerson,
    to: arbPerson,
    amountNano: fc.bigInt(0n, 10n ** 18n),
    gram: fc.bigInt(1_000_000n, NANOGRAM / 100n),
    forward: fc.constantFrom(0n, 1_000_000n),
  }),
  { maxLength: 5 },
);

/** Where something runs; what merely pays an address is no step of a quick chain's. */
function facts(steps: readonly Step[]) {
  return steps
    .filter(({ to }) => !PEOPLE.some((person) => person.equals(to)))
    .map(({ to, op, exitCode, actionCode, gas, feesNanogram, valueNanogram }) =>
      [to, op, exitCode, actionCode, gas, feesNanogram, valueNanogram].join(),
    );
}

async function play(chain: Chain, transfers: typeof arbTransfers extends fc.Arbitrary<infer T> ? T : never) {
  const told: string[] = [];
  for (const { from, to, amountNano, gram, forward } of transfers) {
    chain.advance(60);
    const body = encodeTransfer({ amountNano, to, excessesTo: from, forwardNanogram: forward });
    told.push(...facts(await chain.send({ from, to: walletOf(from).address, valueNanogram: gram, body })));
  }
  for (const person of PEOPLE) {
    const { address } = walletOf(person);
    told.push(
      `${await chain.balanceNanogram(address)}`,
      `${(await chain.dataOf(address))?.hash().toString("hex")}`,
    );
  }
  return told;
}

test("a quick chain runs what the sandbox runs, at the same gas and fees, and can be put back", async () => {
  const [quick, sandbox] = [await QuickChain.start(), await TestChain.start()];
  for (const chain of [quick, sandbox]) await sendGenesis(chain);
  const putBack = quick.keep();
  const genesis = sandbox.blockchain.snapshot();
  await fc.assert(
    fc.asyncProperty(arbTransfers, async (transfers) => {
      putBack();
      await sandbox.blockchain.loadFrom(genesis);
      expect(await play(quick, transfers)).toEqual(await play(sandbox, transfers));
    }),
    { numRuns: 40 },
  );
});

test("a quick chain answers as the sandbox does, and what pays an address where nothing stands is there", async () => {
  const [quick, sandbox] = [await QuickChain.start(), await TestChain.start()];
  for (const chain of [quick, sandbox]) await sendGenesis(chain);
  expect(await quick.open(walletOf(BOB)).getBalanceNano()).toBe(
    await sandbox.open(walletOf(BOB)).getBalanceNano(),
  );
  expect(await quick.balanceNanogram(DEPLOYER)).toBeGreaterThan(NANOGRAM / 2n);
  expect(await quick.dataOf(DEPLOYER)).toBeNull();
  const nobodys = walletOf(MALLORY);
  expect(await quick.dataOf(nobodys.address)).toBeNull();
  expect(await quick.open(nobodys).getBalanceNano()).toBe(0n);
});
