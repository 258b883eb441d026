/**
 * Random histories of one contract: anyone sends what they like with any GRAM, messages arrive in any order, twice, or come
 * back. At the end the books must agree with the tokens, and with good will and enough GRAM everything must come out.
 *
 * One chain for all of them, put back to where it stood before each: that is what makes a hundred thousand affordable.
 */
import type { Address, Cell } from "@ton/core";
import fc from "fast-check";
import { PINGO_SUPPLY_NANO } from "../../src/jetton/pingo-minter.ts";
import { encodeTellOwner, encodeTransfer } from "../../src/jetton/pingo-wallet.ts";
import { type Chain, LooseChain, NANOGRAM, QuickChain, type Sent } from "../../src/testing/index.ts";
import { ALICE, BOB, CAROL, MALLORY, walletOf } from "../genesis.ts";

/** A message of the story's own; `post` is how it reaches the network. */
export interface Story {
  readonly name: string;
  /** What a history chooses from: each answers with what to post, at a moment of its own. */
  readonly moves: readonly Move[];
  /** How long one wait is. */
  readonly waitSeconds: number;
  /** Whose wallets hold all PINGO, besides Alice's, Bob's, Carol's and Mallory's. */
  readonly owners: readonly Address[];
  /** Contracts in which no more GRAM may be left than a year's rent and what they had. */
  readonly contracts: readonly Address[];
  start(chain: Chain): Promise<void>;
  /** Whether the books agree with the tokens, once everything arrived. */
  check(chain: Chain): Promise<void>;
  /** With good will and time: nothing is left. */
  finish(chain: Chain): Promise<void>;
}

/** @param amount from 0 to 1,500: what is natural for the story is up to it */
export type Move = (chain: Chain, amount: number, flag: boolean) => Sent | null;

/** Far too little, where a chain of messages may break off, and plenty. */
const arbGram = fc.oneof(fc.bigInt(0n, 5_000_000n), fc.bigInt(0n, 60_000_000n), fc.constant(NANOGRAM / 5n));
const AMOUNT_MAX = 1_500;
const RENT_NANOGRAM_MAX = 60_000_000n;

function arbSteps(story: Story) {
  return fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          kind: fc.constant("move" as const),
          which: fc.nat({ max: story.moves.length - 1 }),
          amount: fc.nat({ max: AMOUNT_MAX }),
          flag: fc.boolean(),
          gram: arbGram,
          isTwice: fc.boolean(),
        }),
      },
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant("step" as const),
          choice: fc.nat({ max: 7 }),
          isReturned: fc.boolean(),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const) }) },
    ),
    { minLength: 1, maxLength: 12 },
  );
}

/** Plays so many histories; throws with the shortest that breaks a promise. */
export async function playHistories(story: Story, numRuns: number, seed?: number): Promise<void> {
  const chain = await QuickChain.start();
  await story.start(chain);
  const putBack = chain.keep();
  const before = await balancesOf(chain, story.contracts);
  await fc.assert(
    fc.asyncProperty(arbSteps(story), async (steps) => {
      putBack();
      const loose = new LooseChain(chain);
      for (const step of steps) {
        if (step.kind === "step") await loose.step(step.choice, step.isReturned);
        else if (step.kind === "wait") chain.advance(story.waitSeconds);
        else {
          const sent = story.moves[step.which]?.(chain, step.amount, step.flag);
          if (!sent) continue;
          for (let times = step.isTwice ? 2 : 1; times > 0; times--)
            loose.post({ ...sent, valueNanogram: step.gram });
        }
      }
      await loose.drain();
      await expectSupply(chain, story);
      await story.check(chain);
      await story.finish(chain);
      await expectSupply(chain, story);
      const after = await balancesOf(chain, story.contracts);
      for (const [at, nanogram] of after.entries()) {
        if (nanogram > (before[at] ?? 0n) + RENT_NANOGRAM_MAX)
          throw new Error(`${nanogram} nanogram stuck in ${story.contracts[at]}`);
      }
    }),
    { numRuns, ...(seed === undefined ? {} : { seed }) },
  );
}

/** A message whose GRAM the history chooses. */
export function message(from: Address, to: Address, body: Cell): Sent {
  return { from, to, valueNanogram: 0n, body };
}

/** What a wallet holds, read from its data: quicker than asking. */
export async function heldNano(chain: Chain, owner: Address): Promise<bigint> {
  return (await chain.dataOf(walletOf(owner).address))?.beginParse().loadCoins() ?? 0n;
}

/** Of it, what the owner was told of. */
export async function bookedNano(chain: Chain, owner: Address): Promise<bigint> {
  const data = (await chain.dataOf(walletOf(owner).address))?.beginParse();
  if (!data) return 0n;
  const heldNano = data.loadCoins();
  data.loadAddress();
  data.loadAddress();
  return heldNano - data.loadCoins();
}

/** Alice sends tokens without a notice, and somebody has the contract told of what it was not told of. */
export function strayMoves(to: Address): readonly Move[] {
  return [
    (_chain, amount) => {
      const body = encodeTransfer({ amountNano: BigInt(amount), to, excessesTo: ALICE });
      return message(ALICE, walletOf(ALICE).address, body);
    },
    () => message(MALLORY, walletOf(to).address, encodeTellOwner()),
  ];
}

/** With enough GRAM; refused where there is nothing to tell. */
export async function tellOwner(chain: Chain, owner: Address): Promise<void> {
  const { address: to } = walletOf(owner);
  await chain.send({ from: MALLORY, to, valueNanogram: NANOGRAM, body: encodeTellOwner() });
  expectSame(await bookedNano(chain, owner), await heldNano(chain, owner), "told and held");
}

export function expectSame(one: bigint, other: bigint, what: string): void {
  if (one !== other) throw new Error(`${what}: ${one} is not ${other}`);
}

async function expectSupply(chain: Chain, story: Story): Promise<void> {
  let sumNano = 0n;
  for (const owner of [ALICE, BOB, CAROL, MALLORY, ...story.owners]) sumNano += await heldNano(chain, owner);
  expectSame(sumNano, PINGO_SUPPLY_NANO, "all wallets together");
}

async function balancesOf(chain: Chain, addresses: readonly Address[]): Promise<readonly bigint[]> {
  const balances: bigint[] = [];
  for (const address of addresses) balances.push(await chain.balanceNanogram(address));
  return balances;
}
