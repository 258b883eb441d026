import { parseShape } from "@pingo/core";
import {
  Address,
  beginCell,
  Cell,
  Dictionary,
  type Message,
  storeTransaction,
  type Transaction,
} from "@ton/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { createToncenter, type Toncenter } from "./toncenter.ts";
import type { TransactionView } from "./transaction.ts";

const own = new Address(0, Buffer.alloc(32, 1));
const other = new Address(0, Buffer.alloc(32, 2));

/** So many bytes, in cells of 127 that differ, and a fan of four under each. */
function bodyOf(bytes: number, seed = 0): Cell {
  let made = 0;
  const level = (depth: number): Cell => {
    const cell = beginCell().storeUint(seed, 32).storeUint(made, 32);
    const length = Math.min(119, Math.max(0, bytes - made));
    made += 119;
    cell.storeBuffer(Buffer.alloc(length));
    for (let i = 0; depth > 0 && i < 4 && made < bytes; i++) cell.storeRef(level(depth - 1));
    return cell.endCell();
  };
  return level(8);
}

function chainOf(depth: number): Cell {
  let cell = Cell.EMPTY;
  for (let i = 0; i < depth; i++) cell = beginCell().storeRef(cell).endCell();
  return cell;
}

function transactionOf(lt: bigint, body: Cell, aborted = false): Cell {
  const inMessage: Message = {
    info: {
      ...{ type: "internal", ihrDisabled: true, bounce: true, bounced: false, src: other, dest: own },
      ...{ value: { coins: 1n }, ihrFee: 0n, forwardFee: 0n, createdLt: lt - 1n, createdAt: 1 },
    },
    body,
  };
  const none = { coins: 0n };
  const transaction: Transaction = {
    ...{ address: BigInt(`0x${own.hash.toString("hex")}`), lt, now: 1, inMessage, totalFees: none },
    ...{ prevTransactionHash: 0n, prevTransactionLt: 0n, oldStatus: "active", endStatus: "active" },
    ...{ outMessagesCount: 0, outMessages: Dictionary.empty(Dictionary.Keys.Uint(15)) },
    stateUpdate: { oldHash: Buffer.alloc(32), newHash: Buffer.alloc(32) },
    description: {
      ...{ type: "generic", creditFirst: false, aborted, destroyed: false },
      computePhase: { type: "skipped", reason: "no-gas" },
    },
    ...{ raw: Cell.EMPTY, hash: () => Buffer.alloc(32) },
  };
  return beginCell().store(storeTransaction(transaction)).endCell();
}

const zAsked = z.object({
  method: z.literal("getTransactions"),
  params: z.object({
    limit: z.int(),
    lt: z.coerce.bigint().optional(),
    hash: z.string().optional(),
    to_lt: z.coerce.bigint(),
  }),
});

/** Answers as toncenter does: a page begins with the transaction that is named. */
function toncenterOf(transactions: readonly Cell[]): {
  readonly chain: Toncenter;
  readonly limits: number[];
} {
  const rows = transactions.map((cell, i) => ({ lt: BigInt(i + 1), cell })).toReversed();
  const limits: number[] = [];
  const chain = createToncenter({
    endpoint: "http://chain/api/v2/jsonRPC",
    async fetch(_, init) {
      const text = new TextDecoder().decode(parseShape(z.instanceof(Uint8Array), init?.body, "the question"));
      const { params } = parseShape(zAsked, JSON.parse(text), "the question");
      limits.push(params.limit);
      const page = rows
        .filter(({ lt }) => lt > params.to_lt && lt <= (params.lt ?? lt))
        .slice(0, params.limit)
        .map(({ lt, cell }) => ({
          transaction_id: { lt: lt.toString(), hash: cell.hash().toString("base64") },
          data: cell.toBoc().toString("base64"),
        }));
      if (params.hash !== undefined && page[0]?.transaction_id.hash !== params.hash)
        return answerOf(500, { ok: false, error: "no such transaction" });
      return answerOf(200, { ok: true, result: page });
    },
  });
  return { chain, limits };
}

function answerOf(status: number, value: unknown) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  async function* body() {
    yield bytes;
  }
  return { status, ok: status === 200, headers: { get: () => null }, body: body() };
}

function ltsOf(views: readonly TransactionView[]): readonly bigint[] {
  return views.map(({ lt }) => lt);
}

test("however large the messages are, a page has all that it has room for, newest first, each once", async () => {
  const arbKiB = fc.array(fc.constantFrom(0, 0, 10, 55, 250), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(arbKiB, fc.integer({ min: 1, max: 14 }), fc.nat(12), async (sizes, limit, after) => {
      const cells = sizes.map((kib, i) => transactionOf(BigInt(i + 1), bodyOf(kib * 1024, i)));
      const { chain } = toncenterOf(cells);
      const all = sizes
        .map((_, i) => BigInt(i + 1))
        .toReversed()
        .filter((lt) => lt > after);
      const page = await chain.transactions(own, { limit, afterLt: BigInt(after) });
      expect(ltsOf(page)).toEqual(all.slice(0, limit));
      const [before] = page.slice(-1);
      if (before === undefined) return;
      const next = await chain.transactions(own, { limit, before, afterLt: BigInt(after) });
      expect(ltsOf(next)).toEqual(all.slice(page.length - 1, page.length - 1 + limit));
    }),
    { numRuns: 8 },
  );
});

test("an answer that is too large is asked for by halves", async () => {
  const cells = Array.from({ length: 40 }, (_, i) => transactionOf(BigInt(i + 1), bodyOf(55 * 1024, i)));
  const { chain, limits } = toncenterOf(cells);
  const page = await chain.transactions(own, { limit: 100, afterLt: 0n });
  expect(ltsOf(page)).toEqual(cells.map((_, i) => BigInt(i + 1)).toReversed());
  expect(limits.slice(0, 4)).toEqual([100, 50, 25, 12]);
  expect(page[0]?.inMessage?.body.equals(bodyOf(55 * 1024, 39))).toBe(true);
});

test("a transaction over the limits says nothing, and keeps no other from being read; one that failed says so", async () => {
  const { chain } = toncenterOf([
    transactionOf(1n, bodyOf(10)),
    transactionOf(2n, chainOf(1_020)),
    transactionOf(3n, bodyOf(20), true),
  ]);
  const [failed, deep, plain] = await chain.transactions(own, { limit: 10, afterLt: 0n });
  expect(failed).toMatchObject({ lt: 3n, isDone: false });
  expect(deep).toMatchObject({ lt: 2n, isDone: false, inMessage: null, outMessages: [] });
  expect(plain).toMatchObject({ lt: 1n, isDone: true });
  expect([plain?.inMessage?.from, plain?.inMessage?.to].map(String)).toEqual([other, own].map(String));
});

test("faults name the host alone, whatever the address of the chain's API carries", async () => {
  const chain = createToncenter({
    endpoint: "https://someone:secret@chain.example:8081/secret/api/v2/jsonRPC?api_key=secret",
    fetch: (url) => Promise.reject(new TypeError(`a URL that includes credentials: ${url}`)),
  });
  expect(chain.host).toBe("https://chain.example:8081");
  const refusal = await chain.nowUnixS().catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: "CHAIN_UNREACHABLE" });
  expect(JSON.stringify([String(refusal), refusal])).not.toContain("secret");
});

test("what is no transaction is told as such", async () => {
  const { chain } = toncenterOf([beginCell().storeUint(5, 8).endCell()]);
  await expect(chain.transactions(own, { limit: 1, afterLt: 0n })).rejects.toMatchObject({
    code: "BOC_MALFORMED",
  });
});
