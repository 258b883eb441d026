import { type KeyPair, keyPairOfSeed } from "@pingo/core";
import { beginCell } from "@ton/core";
import { afterAll, beforeEach, expect, test } from "vitest";
import { encodeOrder, ORDER_FAILED_OP, ORDER_OP } from "../src/quorum/order.ts";
import { encodeExecute, encodeQuorumCall, encodeSetKeys, Quorum, signCell } from "../src/quorum/quorum.ts";
import { addressOf, NANOGRAM, type TestChain } from "../src/testing/index.ts";
import { expectCovered, startCoveredChain } from "./coverage.ts";
import { expectGas } from "./gas.ts";
import { MALLORY } from "./genesis.ts";
import { deployQuorum, FOG_KEYS, GOVERNOR, orderByQuorum, QUORUM, RELAYER, signedBy } from "./quorum-of.ts";

const TARGET = addressOf("target");
const ORDER = beginCell().storeUint(0xabcdef, 32).endCell();
const FOG_PUBLIC_KEYS = FOG_KEYS.map((key) => key.publicKey);

let chain: TestChain;

beforeEach(async () => {
  chain = await startCoveredChain();
  await deployQuorum(chain);
});

afterAll(() => expectCovered("quorum"));

function callOf(changed: Partial<Parameters<typeof encodeQuorumCall>[0]> = {}) {
  return encodeQuorumCall({
    quorum: QUORUM.address,
    globalId: -239,
    seqno: 0,
    validUntilUnixS: chain.nowUnixS + 60,
    valueMinNanogram: NANOGRAM / 2n,
    target: TARGET,
    order: ORDER,
    ...changed,
  });
}

async function execute(body: ReturnType<typeof encodeExecute>, valueNanogram = NANOGRAM) {
  return await chain.send({ from: MALLORY, to: QUORUM.address, valueNanogram, body });
}

test("what three of five sign becomes an order, whoever carries it, and names who paid", async () => {
  const steps = await orderByQuorum(chain, TARGET, ORDER);
  expectGas("quorum: execute, 3 signatures", steps[0]);
  const read = steps[1]?.body.beginParse();
  expect(steps[1]?.from?.equals(QUORUM.address)).toBe(true);
  expect(read?.loadUint(32)).toBe(ORDER_OP);
  expect(read?.loadUintBig(64)).toBe(77n);
  expect(read?.loadAddress().equals(RELAYER)).toBe(true);
  expect(read?.loadRef().equals(ORDER)).toBe(true);
  expect((await chain.open(QUORUM).getView()).seqno).toBe(1);
});

test("an order that its target refuses returns its GRAM to the payer, with the exit code", async () => {
  const steps = await orderByQuorum(chain, QUORUM.address, ORDER);
  const failed = steps.at(-1);
  expect(steps[1]?.exitCode).toBe(220);
  expectGas("quorum: bounce", steps[2]);
  expect(failed?.op).toBe(ORDER_FAILED_OP);
  expect(failed?.to.equals(RELAYER)).toBe(true);
  expect(failed?.body.beginParse().skip(96).loadInt(32)).toBe(220);
  expect(failed?.valueNanogram).toBeGreaterThan((NANOGRAM * 95n) / 100n);
});

test("an order is refused twice, too late, for another contract, network or number, and with too few signatures", async () => {
  const good = callOf();
  const late = callOf({ validUntilUnixS: chain.nowUnixS - 1 });
  const other = new Quorum({ threshold: 1, publicKeys: FOG_PUBLIC_KEYS }, GOVERNOR);
  for (const [call, signers, exitCode] of [
    [callOf({ quorum: other.address }), [0, 1, 2], 221],
    [callOf({ globalId: -3 }), [0, 1, 2], 221],
    [callOf({ seqno: 1 }), [0, 1, 2], 222],
    [late, [0, 1, 2], 223],
    [good, [0, 1], 227],
    [good, [], 227],
    [good, [0, 1, 2], 0],
    [good, [0, 1, 2], 222],
  ] as const) {
    expect((await execute(encodeExecute(call, signedBy(call, signers))))[0]?.exitCode).toBe(exitCode);
  }
});

test("with less GRAM than its signers ask for it is not carried out, and its number is not spent", async () => {
  const call = callOf();
  const body = encodeExecute(call, signedBy(call, [0, 1, 2]));
  expect((await execute(body, NANOGRAM / 2n - 1n))[0]?.exitCode).toBe(202);
  expect((await chain.open(QUORUM).getView()).seqno).toBe(0);
  expect((await execute(body, NANOGRAM / 2n))[0]?.exitCode).toBe(0);
  expect((await chain.open(QUORUM).getView()).seqno).toBe(1);
});

test("a signature counts only with the key of its place, over this very call", async () => {
  const call = callOf();
  const stranger = signCell(keyPairOfSeed(new Uint8Array(32).fill(9)), call);
  const honest = signedBy(call, [0, 1]);
  for (const [signatures, exitCode] of [
    [new Map([...honest, [2, stranger]]), 226],
    [new Map([...honest, [2, honest.get(0) ?? stranger]]), 226],
    [new Map([...honest, [5, stranger]]), 224],
    [new Map([...honest, [2, new Uint8Array(64)]]), 226],
    [signedBy(callOf({ seqno: 7 }), [0, 1, 2]), 226],
  ] as const) {
    expect((await execute(encodeExecute(call, signatures)))[0]?.exitCode).toBe(exitCode);
  }
});

/** Every encoding of a point of small order, with either sign. */
const WEAK_KEYS = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].flatMap((hex) => {
  const positive = Buffer.from(hex, "hex");
  const negative = Buffer.from(positive);
  negative[31] = (negative[31] ?? 0) | 0x80;
  return [positive, negative];
});

test("weak keys are refused when they are registered and when they sign", async () => {
  for (const key of WEAK_KEYS) {
    const order = encodeSetKeys({ threshold: 3, publicKeys: [...FOG_PUBLIC_KEYS.slice(1), key] });
    const body = encodeOrder(order, RELAYER);
    const steps = await chain.send({ from: GOVERNOR, to: QUORUM.address, valueNanogram: NANOGRAM, body });
    expect(steps[0]?.exitCode).toBe(225);
  }
  for (const key of WEAK_KEYS.slice(0, 4)) {
    const weak = new Quorum({ threshold: 1, publicKeys: [key] }, GOVERNOR);
    const call = callOf({ quorum: weak.address });
    const forged = Buffer.alloc(64);
    key.copy(forged);
    const steps = await chain.send({
      from: MALLORY,
      to: weak.address,
      valueNanogram: NANOGRAM,
      init: weak.init,
      body: encodeExecute(call, new Map([[0, forged]])),
    });
    expect(steps[0]?.exitCode).toBe(225);
  }
});

test("the governor alone changes the keys, and what was signed ahead is void", async () => {
  const ahead = callOf({ seqno: 0 });
  const keys = { threshold: 2, publicKeys: FOG_PUBLIC_KEYS.slice(0, 3) };
  const setKeys = async (from: typeof GOVERNOR, changed: Partial<typeof keys> = {}) =>
    await chain.send({
      from,
      to: QUORUM.address,
      valueNanogram: NANOGRAM,
      body: encodeOrder(encodeSetKeys({ ...keys, ...changed }), RELAYER),
    });
  expect((await setKeys(MALLORY))[0]?.exitCode).toBe(220);
  expect((await setKeys(GOVERNOR, { threshold: 1 }))[0]?.exitCode).toBe(228);
  expect((await setKeys(GOVERNOR, { threshold: 4 }))[0]?.exitCode).toBe(228);
  expect((await setKeys(GOVERNOR, { publicKeys: [] }))[0]?.exitCode).toBe(228);
  const steps = await setKeys(GOVERNOR);
  expectGas("quorum: set 3 keys", steps[0]);
  expect(steps[1]?.to.equals(RELAYER)).toBe(true);
  const view = await chain.open(QUORUM).getView();
  expect([view.seqno, view.threshold, view.publicKeyByIndex.size]).toEqual([1, 2, 3]);
  expect(view.publicKeyByIndex.get(2)).toEqual(FOG_PUBLIC_KEYS[2]);
  expect(view.governor.equals(GOVERNOR)).toBe(true);
  expect((await execute(encodeExecute(ahead, signedBy(ahead, [0, 1, 2]))))[0]?.exitCode).toBe(222);
});

test("unknown messages are refused, and GRAM without words is kept for the rent", async () => {
  const body = beginCell().storeUint(5, 32).endCell();
  expect((await execute(body))[0]?.exitCode).toBe(65535);
  const before = await chain.balanceNanogram(QUORUM.address);
  await chain.send({ from: MALLORY, to: QUORUM.address, valueNanogram: NANOGRAM });
  expect(await chain.balanceNanogram(QUORUM.address)).toBeGreaterThan(before);
});

/** So many keys, in the order of their places. */
function keysOf(count: number): readonly KeyPair[] {
  const keys = Array.from({ length: count }, (_, at) => keyPairOfSeed(new Uint8Array(32).fill(100 + at)));
  return keys.sort((one, other) => Buffer.compare(one.publicKey, other.publicKey));
}

test.each([
  [1, 1],
  [2, 2],
  [5, 5],
  [2, 3],
  [33, 64],
  [64, 64],
])("%i of %i: so many signatures order, one fewer or a stranger's do not", async (threshold, count) => {
  const keys = keysOf(count);
  const quorum = new Quorum({ threshold, publicKeys: keys.map((key) => key.publicKey) }, GOVERNOR);
  await chain.send({ from: RELAYER, to: quorum.address, valueNanogram: NANOGRAM / 10n, init: quorum.init });
  const call = callOf({ quorum: quorum.address });
  const signed = keys.map((key, place) => [place, signCell(key, call)] as const);
  const enough = signed.slice(count - threshold);
  const [last = [0, new Uint8Array(64)]] = enough.slice(-1);
  const stranger = signCell(keyPairOfSeed(new Uint8Array(32).fill(9)), call);
  const sent = async (signatures: ReadonlyMap<number, Uint8Array>) => {
    const body = encodeExecute(call, signatures);
    return await chain.send({ from: MALLORY, to: quorum.address, valueNanogram: NANOGRAM, body });
  };
  expect((await sent(new Map(enough.slice(1))))[0]?.exitCode).toBe(227);
  expect((await sent(new Map([...enough.slice(1), [last[0], stranger]])))[0]?.exitCode).toBe(226);
  expect((await sent(new Map([...enough, [count, stranger]])))[0]?.exitCode).toBe(224);
  // One key's word at another's place is not another's word.
  if (count > 1)
    expect(
      (await sent(new Map([...enough.slice(1), [last[0], signed[0]?.[1] ?? stranger]])))[0]?.exitCode,
    ).toBe(226);
  const steps = await sent(new Map(enough));
  if (threshold === 64) expectGas("quorum: execute, 64 signatures", steps[0]);
  expect(steps[0]?.exitCode).toBe(0);
  expect((await sent(new Map(enough)))[0]?.exitCode).toBe(222);
});

test("the governor may name 64 keys and no more, and no key twice", async () => {
  const named = async (publicKeys: readonly Uint8Array[], threshold: number) => {
    const body = encodeOrder(encodeSetKeys({ threshold, publicKeys }), RELAYER);
    return (await chain.send({ from: GOVERNOR, to: QUORUM.address, valueNanogram: NANOGRAM, body }))[0];
  };
  const keys = keysOf(65).map((key) => key.publicKey);
  const [first = new Uint8Array(32)] = keys;
  expect((await named(keys, 33))?.exitCode).toBe(228);
  expect((await named([first, first], 2))?.exitCode).toBe(229);
  expect((await named([...keys.slice(0, 63), first], 33))?.exitCode).toBe(229);
  expectGas("quorum: set 64 keys", await named(keys.slice(0, 64), 33));
  expectGas("quorum: set 1 key", await named([first], 1));
  expect((await chain.open(QUORUM).getView()).publicKeyByIndex.size).toBe(1);
});
