/** Blocks over the real engine: nothing is made or lost, order is kept, and what does not fit goes into the next. */
import { type KeyPair, keyPairOfSeed, signBytes } from "@pingo/core";
import { createTestClock } from "@pingo/core/testing";
import { Address, beginCell, type Cell, external, internal, SendMode, storeMessage } from "@ton/core";
import { WalletContractV5R1 } from "@ton/ton";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { readCell } from "../api/cell.ts";
import { parseAccount } from "./account-state.ts";
import { destinationOf } from "./chain.ts";
import { collate } from "./collate.ts";
import { createEngine, type Engine } from "./engine.ts";
import { Faucet } from "./faucet.ts";
import { readMessage, readTransaction } from "./read-transaction.ts";
import type { ExternalMessage, Head, NewBlock } from "./shapes.ts";

const UNIX_S = 1_790_000_000;
let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});

interface Wallet {
  readonly key: KeyPair;
  readonly contract: WalletContractV5R1;
}

function wallet(seed: number): Wallet {
  const key = keyPairOfSeed(Buffer.alloc(32, seed));
  return { key, contract: WalletContractV5R1.create({ publicKey: Buffer.from(key.publicKey) }) };
}

interface Transfer {
  readonly to: Address;
  readonly nano: bigint;
  readonly bounce: boolean;
}

async function transferOf(
  { key, contract }: Wallet,
  seqno: number,
  transfers: readonly Transfer[],
): Promise<Cell> {
  const body = await contract.createTransfer({
    seqno,
    timeout: UNIX_S + 600,
    signer: async (cell) => Buffer.from(signBytes(key, cell.hash())),
    sendMode: SendMode.PAY_GAS_SEPARATELY + SendMode.IGNORE_ERRORS,
    messages: transfers.map(({ to, nano, bounce }) => internal({ to, value: nano, bounce })),
  });
  const message = external({ to: contract.address, init: seqno === 0 ? contract.init : null, body });
  return beginCell().store(storeMessage(message)).endCell();
}

/** A chain in memory: what collate is given, and what it gave so far. */
class Ledger {
  readonly accounts = new Map<string, Buffer>();
  readonly refused: string[] = [];
  head: Head = {
    seqno: 0,
    unixS: UNIX_S,
    endLt: 0n,
    masterRoot: Buffer.alloc(32),
    shardRoot: Buffer.alloc(32),
  };
  last: NewBlock | undefined;
  feesNano = 0n;

  /** @param perBlockMs how long the test's clock says that each transaction took */
  async produce(externals: readonly ExternalMessage[], transactionMs = 0): Promise<NewBlock> {
    const clock = createTestClock();
    const block = await collate({
      ...{ head: this.head, unixS: UNIX_S, blockMs: 400, engine, externals, clock },
      internals: this.last?.outbox ?? [],
      readAccount: (address) => this.accounts.get(address),
      pause: () => clock.advance(transactionMs),
      onRefused: (_, why) => this.refused.push(why),
    });
    for (const [address, state] of block.accounts) this.accounts.set(address, state);
    for (const { boc } of block.transactions) this.feesNano += feesOf(boc);
    this.head = block.head;
    this.last = block;
    return block;
  }

  /** In accounts, on the way, and paid. */
  totalNano(): bigint {
    let sum = this.feesNano;
    for (const state of this.accounts.values()) sum += parseAccount(state).balance;
    for (const { cell } of this.last?.outbox ?? []) sum += valueOnTheWay(cell);
    return sum;
  }
}

/** What validators keep: the transaction's fees, and the rest of what carried its message here. */
function feesOf(boc: Buffer): bigint {
  const { transaction, inMessage } = readTransaction(readCell(boc));
  const info = inMessage?.message.info;
  return transaction.totalFees.coins + (info?.type === "internal" ? info.forwardFee + info.ihrFee : 0n);
}

function valueOnTheWay(cell: Cell): bigint {
  const { info } = readMessage(cell).message;
  return info.type === "internal" ? info.value.coins + info.forwardFee + info.ihrFee : 0n;
}

const FAUCET = new Faucet(Buffer.alloc(32, 200));
const BEGINNING_NANO = 5_000_000_000n * 10n ** 9n;

/** The faucet has paid these wallets. */
async function begin(wallets: readonly Wallet[], nano: bigint): Promise<Ledger> {
  const ledger = new Ledger();
  ledger.accounts.set(FAUCET.address.toRawString(), FAUCET.beginning(UNIX_S));
  for (const { contract } of wallets) void FAUCET.grant(contract.address, nano);
  const batch = await FAUCET.nextBatch(ledger.accounts.get(FAUCET.address.toRawString()), UNIX_S);
  if (batch === undefined) throw new Error("somebody waits for the faucet");
  await ledger.produce([externalOf(0, batch.message)]);
  return ledger;
}

const externalOf = (id: number, cell: Cell): ExternalMessage => ({
  id,
  cell,
  destination: destinationOf(cell),
});

const WALLETS = [1, 2, 3].map(wallet);
const arbTransfer: fc.Arbitrary<Transfer> = fc.record({
  to: fc.oneof(
    fc.constantFrom(...WALLETS.map(({ contract }) => contract.address)),
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map((hash) => new Address(0, Buffer.from(hash))),
  ),
  nano: fc.bigInt({ min: 0n, max: 3n * 10n ** 9n }),
  bounce: fc.boolean(),
});
/** Per block: which wallet sends what. */
const arbBlocks = fc.array(
  fc.array(fc.tuple(fc.nat(WALLETS.length - 1), fc.array(arbTransfer, { minLength: 1, maxLength: 4 })), {
    maxLength: 3,
  }),
  { minLength: 1, maxLength: 4 },
);

test("whatever is sent, no GRAM is made or lost, and each account's time goes on", async () => {
  await fc.assert(
    fc.asyncProperty(arbBlocks, async (plan) => {
      const ledger = await begin(WALLETS, 10n ** 10n);
      expect(ledger.totalNano()).toBe(BEGINNING_NANO);
      const seqnos = WALLETS.map(() => 0);
      const ltByAccount = new Map<string, bigint>();
      const written = new Set<string>();
      const read = new Set<string>();
      let id = 1;
      for (const sends of [...plan, []]) {
        const externals: ExternalMessage[] = [];
        for (const [who, transfers] of sends) {
          const sender = WALLETS[who];
          if (sender === undefined) continue;
          const seqno = seqnos[who] ?? 0;
          seqnos[who] = seqno + 1;
          externals.push(externalOf(id++, await transferOf(sender, seqno, transfers)));
        }
        const block = await ledger.produce(externals);
        expect(ledger.totalNano()).toBe(BEGINNING_NANO);
        for (const { account, lt, messages } of block.transactions) {
          expect(lt > (ltByAccount.get(account) ?? 0n)).toBe(true);
          ltByAccount.set(account, lt);
          for (const { direction, hash, source } of messages) {
            const name = hash.toString("hex");
            if (direction === "out") written.add(name);
            else if (source !== null && source !== FAUCET.address.toRawString()) {
              expect(written.has(name)).toBe(true); // nobody reads what nobody wrote
              expect(read.has(name)).toBe(false); // and nobody twice
              read.add(name);
            }
          }
        }
      }
      expect(ledger.last?.outbox).toEqual([]);
      expect(read).toEqual(written);
      expect(ledger.refused).toEqual([]);
    }),
    { numRuns: 15 },
  );
});

test("the same message again is refused with the wallet's exit code, and changes nothing", async () => {
  const [first] = WALLETS;
  if (first === undefined) throw new Error("there are wallets");
  const ledger = await begin([first], 10n ** 10n);
  const cell = await transferOf(first, 0, [{ to: first.contract.address, nano: 1n, bounce: false }]);
  await ledger.produce([externalOf(1, cell)]);
  const before = ledger.totalNano();
  const block = await ledger.produce([externalOf(2, cell)]);
  expect(ledger.refused).toEqual([expect.stringContaining("exitcode=133")]);
  expect(block.settled).toEqual([2]);
  expect(block.transactions).toEqual([]);
  expect(ledger.totalNano()).toBe(before);
});

test("a block whose time is up leaves the rest to the next ones, in order", async () => {
  const [first] = WALLETS;
  if (first === undefined) throw new Error("there are wallets");
  const ledger = await begin([first], 10n ** 10n);
  const sinks = Array.from({ length: 6 }, (_, i) => new Address(0, Buffer.alloc(32, 100 + i)));
  const cell = await transferOf(
    first,
    0,
    sinks.map((to) => ({ to, nano: 1_000n, bounce: false })),
  );
  const SLOW_MS = 150;
  const heights: number[] = [];
  for (
    let block = await ledger.produce([externalOf(1, cell)], SLOW_MS);
    ;
    block = await ledger.produce([], SLOW_MS)
  ) {
    heights.push(block.transactions.length);
    expect(block.transactions.length).toBeLessThanOrEqual(3);
    if (block.outbox.length === 0) break;
  }
  expect(heights.reduce((sum, count) => sum + count, 0)).toBe(1 + sinks.length);
  expect(heights.length).toBeGreaterThan(2);
  expect(ledger.totalNano()).toBe(BEGINNING_NANO);
});

test("a contract in the masterchain is paid by masterchain prices, in the same block", async () => {
  const [first] = WALLETS;
  if (first === undefined) throw new Error("there are wallets");
  const ledger = await begin([first], 10n ** 10n);
  const to = new Address(-1, Buffer.alloc(32, 9));
  const before = ledger.head;
  const block = await ledger.produce([
    externalOf(1, await transferOf(first, 0, [{ to, nano: 10n ** 9n, bounce: false }])),
  ]);
  expect(block.transactions.map(({ account }) => account)).toContain(to.toRawString());
  expect(block.head.masterRoot.equals(before.masterRoot)).toBe(false);
  expect(ledger.totalNano()).toBe(BEGINNING_NANO);
});
