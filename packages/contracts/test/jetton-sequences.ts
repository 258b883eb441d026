/**
 * Random histories of PINGO: owners and strangers send what they like, messages arrive in any order or come back, with
 * any GRAM. The tokens of all wallets must add up to the supply at the end, and no GRAM may stick in a wallet.
 */
import { type Address, beginCell, Dictionary } from "@ton/core";
import fc from "fast-check";
import { encodeGenesis, encodeRedeliver, PINGO_SUPPLY_NANO } from "../src/jetton/pingo-minter.ts";
import {
  BURN_OP,
  encodeTellOwner,
  encodeTransfer,
  INTERNAL_TRANSFER_OP,
} from "../src/jetton/pingo-wallet.ts";

import { addressOf, type Chain, LooseChain, NANOGRAM, QuickChain } from "../src/testing/index.ts";
import { ALICE, BOB, CAROL, MALLORY, MINTER, sendGenesis, walletOf } from "./genesis.ts";

const PEOPLE = [ALICE, BOB, CAROL, MALLORY, addressOf("new owner")] as const;
/** A year's rent of a wallet, and what rounding leaves. */
const STUCK_NANOGRAM_MAX = 2_500_000n;

const arbPerson = fc.constantFrom(...PEOPLE);
/** From far too little to plenty, most where a chain of messages may break off. */
const arbGram = fc.oneof(
  { weight: 3, arbitrary: fc.bigInt(0n, 5_000_000n) },
  { weight: 2, arbitrary: fc.constant(NANOGRAM / 10n) },
);
const arbAmount = fc.oneof(
  fc.bigInt(0n, 10n),
  fc.bigInt(0n, PINGO_SUPPLY_NANO),
  fc.constantFrom(PINGO_SUPPLY_NANO / 2n, PINGO_SUPPLY_NANO / 4n, (1n << 120n) - 1n),
);

export const arbCommands = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("transfer" as const),
        from: arbPerson,
        to: arbPerson,
        amountNano: arbAmount,
        gram: arbGram,
        forward: fc.constantFrom(0n, 1n, 2_000_000n),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("step" as const),
        choice: fc.nat({ max: 7 }),
        isReturned: fc.boolean(),
      }),
    },
    fc.record({
      kind: fc.constant("steal" as const),
      victim: arbPerson,
      amountNano: arbAmount,
      gram: arbGram,
    }),
    fc.record({
      kind: fc.constant("forge" as const),
      to: arbPerson,
      claimed: fc.option(arbPerson),
      amountNano: arbAmount,
      gram: arbGram,
    }),
    fc.record({
      kind: fc.constant("noise" as const),
      from: arbPerson,
      op: fc.constantFrom(0, BURN_OP, 9),
      gram: arbGram,
    }),
    fc.record({ kind: fc.constant("genesis" as const), gram: arbGram }),
    fc.record({ kind: fc.constant("tell" as const), to: arbPerson, gram: arbGram }),
  ),
  { minLength: 1, maxLength: 8 },
);

export type Command = typeof arbCommands extends fc.Arbitrary<(infer C)[]> ? C : never;

export interface History {
  /** Plays one history from genesis on; throws where a token appears, vanishes or GRAM sticks. */
  play(commands: readonly Command[]): Promise<void>;
}

export async function startHistory(): Promise<History> {
  const chain = await QuickChain.start();
  await sendGenesis(chain);
  const putBack = chain.keep();
  return {
    async play(commands) {
      putBack();
      const loose = new LooseChain(chain);
      for (const command of commands) await run(loose, command);
      await loose.drain();
      await expectSupply(chain);
      await expectNothingStuck(chain);
    },
  };
}

async function run(loose: LooseChain, command: Command): Promise<void> {
  switch (command.kind) {
    case "step":
      await loose.step(command.choice, command.isReturned);
      return;
    case "transfer": {
      const { from, to, amountNano, gram, forward } = command;
      const body = encodeTransfer({ amountNano, to, excessesTo: from, forwardNanogram: forward });
      loose.post({ from, to: walletOf(from).address, valueNanogram: gram, body });
      return;
    }
    case "steal": {
      const body = encodeTransfer({ amountNano: command.amountNano, to: MALLORY, excessesTo: MALLORY });
      if (command.victim.equals(MALLORY)) return;
      loose.post({ from: MALLORY, to: walletOf(command.victim).address, valueNanogram: command.gram, body });
      return;
    }
    case "forge": {
      const body = forgedTransfer(command.amountNano, command.claimed);
      loose.post({ from: MALLORY, to: walletOf(command.to).address, valueNanogram: command.gram, body });
      return;
    }
    case "tell": {
      const { address: to } = walletOf(command.to);
      loose.post({ from: MALLORY, to, valueNanogram: command.gram, body: encodeTellOwner() });
      return;
    }
    case "noise": {
      const body = beginCell()
        .storeUint(command.op, 32)
        .storeUint(0, 64)
        .storeCoins(5)
        .storeUint(0, 3)
        .endCell();
      for (const to of [walletOf(command.from).address, MINTER.address]) {
        loose.post({ from: command.from, to, valueNanogram: command.gram, body });
      }
      return;
    }
    case "genesis": {
      const body = encodeGenesis([{ owner: MALLORY, amountNano: PINGO_SUPPLY_NANO }]);
      loose.post({ from: MALLORY, to: MINTER.address, valueNanogram: command.gram, body });
      loose.post({
        from: MALLORY,
        to: MINTER.address,
        valueNanogram: command.gram,
        body: encodeRedeliver(MALLORY),
      });
      return;
    }
  }
}

function forgedTransfer(amountNano: bigint, claimed: Address | null) {
  return beginCell()
    .storeUint(INTERNAL_TRANSFER_OP, 32)
    .storeUint(7, 64)
    .storeCoins(amountNano)
    .storeAddress(claimed)
    .storeAddress(MALLORY)
    .storeCoins(0)
    .storeBit(false)
    .endCell();
}

async function expectSupply(chain: Chain): Promise<void> {
  let sumNano = 0n;
  for (const owner of PEOPLE) {
    sumNano += (await chain.dataOf(walletOf(owner).address))?.beginParse().loadCoins() ?? 0n;
  }
  const minter = (await chain.dataOf(MINTER.address))?.beginParse();
  if (minter?.loadCoins() !== PINGO_SUPPLY_NANO) throw new Error("the minter's total changed");
  if (minter.loadMaybeAddress() !== null) throw new Error("minting is open again");
  for (const amountNano of minter
    .loadDict(Dictionary.Keys.Address(), Dictionary.Values.BigVarUint(4))
    .values()) {
    sumNano += amountNano;
  }
  if (sumNano !== PINGO_SUPPLY_NANO) throw new Error(`${sumNano - PINGO_SUPPLY_NANO} nano-PINGO too many`);
}

async function expectNothingStuck(chain: Chain): Promise<void> {
  for (const owner of PEOPLE) {
    const { address } = walletOf(owner);
    const nanogram = await chain.balanceNanogram(address);
    if (nanogram > STUCK_NANOGRAM_MAX) throw new Error(`${nanogram} nanogram stuck in ${address}`);
  }
}
