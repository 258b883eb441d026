import { createHash } from "node:crypto";
import { keyPairOfSeed } from "@pingo/core";
import { Address, beginCell, type Cell } from "@ton/core";
import { afterAll, beforeEach, expect, test } from "vitest";
import { encodePayOwed } from "../src/channel/channel.ts";
import { Distributor, encodePause } from "../src/claims/distributor.ts";
import { PingoMinter } from "../src/jetton/pingo-minter.ts";
import {
  EXCESSES_OP,
  INTERNAL_TRANSFER_OP,
  PingoWallet,
  TRANSFER_NOTIFICATION_OP,
  TRANSFER_RETURNED_OP,
} from "../src/jetton/pingo-wallet.ts";
import { encodeOrder } from "../src/quorum/order.ts";
import { GLOBAL_ID } from "../src/quorum/quorum.ts";
import {
  encodeConvict,
  encodeSetRegistryAuthorities,
  encodeSetStakeParameters,
  Registry,
  RegistryAt,
  type Verdict,
} from "../src/registry/registry.ts";
import {
  encodeCollect,
  encodeProveEquivocation,
  encodeRegister,
  encodeUnbond,
  isStakeValid,
} from "../src/registry/stake.ts";
import { signRegistration, signStatement } from "../src/registry/statement.ts";
import {
  addressOf,
  LooseChain,
  NANOGRAM,
  START_UNIX_S,
  type Step,
  type TestChain,
} from "../src/testing/index.ts";
import { expectCovered, startCoveredChain } from "./coverage.ts";
import { expectGas } from "./gas.ts";
import {
  ALICE,
  BOB,
  balanceNano,
  MALLORY,
  MINTER,
  sendGenesis,
  transfer,
  transferReturned,
} from "./genesis.ts";
import { deployQuorum, GOVERNOR, orderByQuorum, QUORUM, RELAYER } from "./quorum-of.ts";

const WEEK_SECONDS = 7 * 24 * 3600;
const GUARDIAN = addressOf("guardian");
const AUTHORITIES = { quorum: QUORUM.address, governor: GOVERNOR, guardian: GUARDIAN };
const TREASURY = new Distributor(
  {
    minter: MINTER.address,
    startUnixS: START_UNIX_S,
    epochSeconds: WEEK_SECONDS,
    epochsPerEra: 52,
    windowSeconds: 60,
    resolveSeconds: 60,
    budgetNano: 0n,
    bondNanogram: NANOGRAM,
    stream: 0,
  },
  AUTHORITIES,
);
const RULES = { minter: MINTER.address, treasury: TREASURY.address, unbondingSeconds: 2 * WEEK_SECONDS };
const PARAMETERS = { providerStakeMinNano: 100n, fogStakeMinNano: 10_000n, verdictMillionthsMax: 250_000 };
const REGISTRY = new Registry(RULES, PARAMETERS, AUTHORITIES);
const NODE_KEY = keyPairOfSeed(new Uint8Array(32).fill(41));
const STAKE = REGISTRY.stakeOf(NODE_KEY.publicKey, "provider");
const SIZE = { millicores: 4_000n, bytes: 1n << 33n };
const STAKED_NANO = 1_000_000n;
const GLOBAL = GLOBAL_ID.mainnet;
const SLOT = hashOf("job 7, attempt 1");

let chain: TestChain;

beforeEach(async () => {
  chain = await startCoveredChain();
  await sendGenesis(chain);
  await deployQuorum(chain);
  for (const { address, init } of [REGISTRY, TREASURY]) {
    await chain.send({ from: RELAYER, to: address, valueNanogram: NANOGRAM / 10n, init });
  }
  await register(ALICE);
  await stake(STAKED_NANO);
});

afterAll(() => expectCovered("registry", "stake"));

function hashOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

async function register(owner: Address, size = SIZE, key = NODE_KEY, at = STAKE) {
  const signature = signRegistration(key, at.address, GLOBAL, owner);
  const body = encodeRegister(size, signature);
  return await chain.send({
    from: owner,
    to: at.address,
    valueNanogram: NANOGRAM / 10n,
    init: at.init,
    body,
  });
}

async function stake(amountNano: bigint, from = ALICE) {
  return await transfer(chain, from, { amountNano, to: STAKE.address, forwardNanogram: NANOGRAM / 200n });
}

async function ask(from: Address, body: Cell, valueNanogram = NANOGRAM) {
  return await chain.send({ from, to: STAKE.address, valueNanogram, body });
}

async function view(at = STAKE) {
  const found = await chain.open(at).getView();
  if (!found) throw new Error("there is no stake");
  return found;
}

function word(
  answer: string,
  slot = SLOT,
  changed: { key?: typeof NODE_KEY; registry?: Address; globalId?: number } = {},
) {
  return signStatement(changed.key ?? NODE_KEY, {
    registry: changed.registry ?? REGISTRY.address,
    globalId: changed.globalId ?? GLOBAL,
    slot,
    commitment: hashOf(answer),
  });
}

function verdictOn(slot = SLOT, changed: Partial<Verdict> = {}): Verdict {
  return {
    slot,
    signed: word("wrong", slot),
    reexecuted: hashOf("right"),
    evidence: hashOf("evidence"),
    millionths: 100_000,
    ...changed,
  };
}

async function convict(verdict: Verdict, valueNanogram = NANOGRAM): Promise<readonly Step[]> {
  const order = encodeConvict(NODE_KEY.publicKey, "provider", verdict);
  return await orderByQuorum(chain, REGISTRY.address, order, { valueNanogram });
}

async function order(from: Address, body: Cell) {
  const at = { to: REGISTRY.address, valueNanogram: NANOGRAM };
  return (await chain.send({ from, ...at, body: encodeOrder(body, RELAYER) }))[0];
}

function at(steps: readonly Step[], to: Address): Step | undefined {
  return steps.find((step) => step.to.equals(to));
}

test("a key registers for the owner it signed for, with a size that the owner may change", async () => {
  expect(await view()).toMatchObject({ ...SIZE, stakedNano: STAKED_NANO, isBarred: false, convictions: 0 });
  expect((await view()).owner?.equals(ALICE)).toBe(true);
  const bigger = { millicores: 8_000n, bytes: 5n };
  expectGas("stake: register", (await register(ALICE, bigger))[0]);
  expect(await view()).toMatchObject(bigger);
  expect((await register(MALLORY))[0]?.exitCode).toBe(201);
  const byAlice = signRegistration(NODE_KEY, STAKE.address, GLOBAL, ALICE);
  expect((await ask(MALLORY, encodeRegister(SIZE, byAlice)))[0]?.exitCode).toBe(201);
  expect((await chain.open(REGISTRY.stakeOf(NODE_KEY.publicKey, "fog")).getView()) === null).toBe(true);
});

test("nobody registers a key they do not hold, on another network, from the masterchain, or a weak key", async () => {
  const fresh = REGISTRY.stakeOf(NODE_KEY.publicKey, "fog");
  const stranger = keyPairOfSeed(new Uint8Array(32).fill(42));
  expect((await register(MALLORY, SIZE, stranger, fresh))[0]?.exitCode).toBe(226);
  const elsewhere = encodeRegister(SIZE, signRegistration(NODE_KEY, fresh.address, GLOBAL_ID.testnet, ALICE));
  const first = { to: fresh.address, valueNanogram: NANOGRAM, init: fresh.init };
  expect((await chain.send({ from: ALICE, ...first, body: elsewhere }))[0]?.exitCode).toBe(226);
  const master = new Address(-1, Buffer.alloc(32, 9));
  const byMaster = encodeRegister(SIZE, signRegistration(NODE_KEY, fresh.address, GLOBAL, master));
  expect((await chain.send({ from: master, ...first, body: byMaster }))[0]?.exitCode).toBe(204);
  for (const hex of ["00".repeat(32), `01${"00".repeat(31)}`]) {
    const weak = REGISTRY.stakeOf(Buffer.from(hex, "hex"), "provider");
    const body = encodeRegister(SIZE, Buffer.concat([Buffer.from(hex, "hex"), Buffer.alloc(32)]));
    const at = { to: weak.address, valueNanogram: NANOGRAM, init: weak.init };
    expect((await chain.send({ from: MALLORY, ...at, body }))[0]?.exitCode).toBe(225);
    const forged = {
      commitment: hashOf("a"),
      signature: Buffer.concat([Buffer.from(hex, "hex"), Buffer.alloc(32)]),
    };
    const proof = encodeProveEquivocation(SLOT, forged, { ...forged, commitment: hashOf("b") });
    expect((await chain.send({ from: MALLORY, ...at, body: proof }))[0]?.exitCode).toBe(225);
  }
});

test("only the stake's own PINGO wallet adds to it", async () => {
  const note = beginCell().storeUint(TRANSFER_NOTIFICATION_OP, 32).storeUint(0, 64).storeCoins(500);
  const body = note.storeAddress(MALLORY).storeBit(false).endCell();
  const foreign = new PingoWallet(STAKE.address, new PingoMinter(MALLORY).address).address;
  for (const from of [MALLORY, foreign, MINTER.address, new PingoWallet(ALICE, MINTER.address).address]) {
    expect((await ask(from, body))[0]?.exitCode).toBe(205);
  }
  const steps = await stake(50n, BOB);
  expectGas(
    "stake: deposit",
    steps.find((step) => step.op === TRANSFER_NOTIFICATION_OP),
  );
  expect(await view()).toMatchObject({ stakedNano: STAKED_NANO + 50n });
});

test("what leaves waits for the delay, counts no more, and is the owner's then, whoever asks", async () => {
  expect((await ask(MALLORY, encodeUnbond(1n)))[0]?.exitCode).toBe(201);
  expect((await ask(ALICE, encodeUnbond(STAKED_NANO + 1n)))[0]?.exitCode).toBe(203);
  expect((await ask(ALICE, encodeCollect()))[0]?.exitCode).toBe(243);
  expect(isStakeValid(await view(), STAKED_NANO)).toBe(true);
  expectGas("stake: unbond", (await ask(ALICE, encodeUnbond(400_000n)))[0]);
  const leaving = await view();
  expect(leaving).toMatchObject({ stakedNano: 600_000n, unbondingNano: 400_000n });
  expect(isStakeValid(leaving, STAKED_NANO)).toBe(false);
  expect(isStakeValid(null, 0n)).toBe(false);
  chain.advance(RULES.unbondingSeconds - 1);
  expect((await ask(ALICE, encodeCollect()))[0]?.exitCode).toBe(252);
  chain.advance(1);
  const before = await balanceNano(chain, ALICE);
  const steps = await ask(MALLORY, encodeCollect());
  expectGas("stake: collect", steps[0]);
  expect(steps.some((step) => step.op === EXCESSES_OP && step.to.equals(MALLORY))).toBe(true);
  expect(await balanceNano(chain, ALICE)).toBe(before + 400_000n);
});

test("two words of one key on one slot take all, also what was leaving; a twentieth is the reporter's", async () => {
  await ask(ALICE, encodeUnbond(400_000n));
  const steps = await ask(MALLORY, encodeProveEquivocation(SLOT, word("yes"), word("no")));
  expectGas("stake: prove equivocation", steps[0]);
  expect(await balanceNano(chain, MALLORY)).toBe(STAKED_NANO / 20n);
  expect(await chain.open(TREASURY).getReturnedNano()).toBe((STAKED_NANO * 19n) / 20n);
  expect(await view()).toMatchObject({ stakedNano: 0n, unbondingNano: 0n, isBarred: true, owedNano: 0n });
  expect((await ask(MALLORY, encodeProveEquivocation(SLOT, word("yes"), word("no"))))[0]?.exitCode).toBe(290);
  const late = await convict(verdictOn());
  expect(at(late, STAKE.address)?.exitCode).toBe(290);

  await stake(70n);
  expect(isStakeValid(await view(), 0n)).toBe(false);
  const before = await balanceNano(chain, ALICE);
  await ask(MALLORY, encodeCollect());
  expect(await balanceNano(chain, ALICE)).toBe(before + 70n);
});

test("nothing less than a contradiction under this key, for this registry and network, convicts", async () => {
  const stranger = keyPairOfSeed(new Uint8Array(32).fill(42));
  for (const [second, exitCode] of [
    [word("yes"), 253],
    [word("no", hashOf("another slot")), 226],
    [word("no", SLOT, { key: stranger }), 226],
    [word("no", SLOT, { registry: MALLORY }), 226],
    [word("no", SLOT, { globalId: GLOBAL_ID.testnet }), 226],
    [{ ...word("no"), commitment: hashOf("maybe") }, 226],
  ] as const) {
    expect((await ask(MALLORY, encodeProveEquivocation(SLOT, word("yes"), second)))[0]?.exitCode).toBe(
      exitCode,
    );
  }
  const master = new Address(-1, Buffer.alloc(32, 9));
  expect((await ask(master, encodeProveEquivocation(SLOT, word("yes"), word("no"))))[0]?.exitCode).toBe(204);
  expect(await view()).toMatchObject({ stakedNano: STAKED_NANO, isBarred: false });
});

test("a verdict of the quorum takes its part, staked first, once a slot, and what was signed only", async () => {
  await ask(ALICE, encodeUnbond(950_000n));
  const steps = await convict(verdictOn());
  expectGas("registry: convict", at(steps, REGISTRY.address));
  expectGas("stake: slash", at(steps, STAKE.address));
  expect(await view()).toMatchObject({ stakedNano: 0n, unbondingNano: 900_000n, convictions: 1 });
  expect(await chain.open(TREASURY).getReturnedNano()).toBe(100_000n);
  const slot = hashOf("other");
  for (const [verdict, exitCode] of [
    [verdictOn(), 291],
    [verdictOn(slot, { reexecuted: hashOf("wrong") }), 253],
    [verdictOn(slot, { signed: word("wrong", SLOT) }), 226],
    [
      verdictOn(slot, { signed: word("wrong", slot, { key: keyPairOfSeed(new Uint8Array(32).fill(42)) }) }),
      226,
    ],
  ] as const) {
    const refused = await convict(verdict);
    expect(at(refused, STAKE.address)?.exitCode).toBe(exitCode);
    const returned = refused.filter((step) => step.to.equals(RELAYER)).at(-1);
    expect(returned?.valueNanogram).toBeGreaterThan((NANOGRAM * 9n) / 10n);
  }
  expect(at(await convict(verdictOn(slot, { millionths: 250_001 })), REGISTRY.address)?.exitCode).toBe(292);
  expect((await ask(MALLORY, slashBody(verdictOn(slot))))[0]?.exitCode).toBe(220);
});

function slashBody(verdict: Verdict): Cell {
  const found = encodeConvict(NODE_KEY.publicKey, "provider", verdict).refs[0];
  if (!found) throw new Error("an order has a verdict");
  return beginCell()
    .storeUint(0x50470703, 32)
    .storeUint(0, 64)
    .storeAddress(MALLORY)
    .storeRef(found)
    .endCell();
}

test("the sixteenth verdict bars the key and takes the rest", async () => {
  for (let at = 0; at < 15; at++) await convict(verdictOn(hashOf(`slot ${at}`), { millionths: 0 }));
  expect(await view()).toMatchObject({ stakedNano: STAKED_NANO, isBarred: false, convictions: 15 });
  const steps = await convict(verdictOn(hashOf("slot 15"), { millionths: 0 }));
  expectGas("stake: last slash", at(steps, STAKE.address));
  expect(await view()).toMatchObject({ stakedNano: 0n, isBarred: true, convictions: 16 });
  expect(await chain.open(TREASURY).getReturnedNano()).toBe(STAKED_NANO);
});

test("whatever GRAM a verdict carries, it is carried out whole or not at all", async () => {
  let done = 0;
  for (let valueNanogram = 1_000_000n; valueNanogram < 40_000_000n; valueNanogram += 2_500_000n) {
    const slot = hashOf(`slot ${valueNanogram}`);
    const before = await view();
    const treasuryNano = await chain.open(TREASURY).getReturnedNano();
    await convict(verdictOn(slot, { millionths: 1_000 }), valueNanogram);
    const after = await view();
    const takenNano = before.stakedNano - after.stakedNano;
    expect(after.owedNano).toBe(0n);
    expect((await chain.open(TREASURY).getReturnedNano()) - treasuryNano).toBe(takenNano);
    if (takenNano > 0n) done += 1;
  }
  expect(done).toBeGreaterThan(3);
  expect(done).toBeLessThan(16);
});

test("tokens that the wallet could not send stay owed and are paid when somebody asks", async () => {
  const loose = new LooseChain(chain);
  const body = encodeProveEquivocation(SLOT, word("yes"), word("no"));
  loose.post({ from: MALLORY, to: STAKE.address, valueNanogram: NANOGRAM, body });
  await loose.step(0, false);
  await loose.step(0, true);
  await loose.step(0, true);
  const bounces = (await loose.drain()).filter((step) => step.isBounced && step.to.equals(STAKE.address));
  expectGas("stake: bounce", bounces[0]);
  expect(await view()).toMatchObject({ owedNano: STAKED_NANO });
  expectGas("stake: pay owed", (await ask(BOB, encodePayOwed()))[0]);
  expect(await balanceNano(chain, MALLORY)).toBe(STAKED_NANO / 20n);
  expect(await chain.open(TREASURY).getReturnedNano()).toBe((STAKED_NANO * 19n) / 20n);
  expect((await ask(BOB, encodePayOwed()))[0]?.exitCode).toBe(243);
});

test("tokens that a receiver's wallet could not take stay owed too; nobody else says that they returned", async () => {
  const loose = new LooseChain(chain);
  const body = encodeProveEquivocation(SLOT, word("yes"), word("no"));
  loose.post({ from: MALLORY, to: STAKE.address, valueNanogram: NANOGRAM, body });
  const steps = await loose.drain(INTERNAL_TRANSFER_OP);
  expectGas(
    "stake: take back",
    steps.find((step) => step.op === TRANSFER_RETURNED_OP),
  );
  expect(await view()).toMatchObject({ owedNano: STAKED_NANO });
  expect((await ask(MALLORY, transferReturned(5n, MALLORY)))[0]?.exitCode).toBe(205);
  await ask(BOB, encodePayOwed());
  expect(await balanceNano(chain, MALLORY)).toBe(STAKED_NANO / 20n);
  expect(await chain.open(TREASURY).getReturnedNano()).toBe((STAKED_NANO * 19n) / 20n);
});

test("the governor changes the parameters and authorities, the guardian holds verdicts up, nobody else either", async () => {
  const changed = { providerStakeMinNano: 7n, fogStakeMinNano: 8n, verdictMillionthsMax: 9 };
  const set = encodeSetStakeParameters(changed);
  const swap = encodeSetRegistryAuthorities(addressOf("quorum two"), addressOf("guardian two"));
  for (const body of [set, swap, encodeConvict(NODE_KEY.publicKey, "provider", verdictOn())]) {
    expect((await order(MALLORY, body))?.exitCode).toBe(220);
  }
  expect(
    (await order(GOVERNOR, encodeSetStakeParameters({ ...changed, verdictMillionthsMax: 1_000_001 })))
      ?.exitCode,
  ).toBe(292);
  expect((await order(GOVERNOR, beginCell().storeUint(5, 32).endCell()))?.exitCode).toBe(65535);
  const pause = async (from: Address, seconds: number) =>
    (
      await chain.send({ from, to: REGISTRY.address, valueNanogram: NANOGRAM, body: encodePause(seconds) })
    )[0];
  expect((await pause(MALLORY, 60))?.exitCode).toBe(220);
  expect((await pause(GUARDIAN, WEEK_SECONDS + 1))?.exitCode).toBe(255);
  expectGas("registry: pause", await pause(GUARDIAN, 60));
  expect((await pause(GUARDIAN, 60))?.exitCode).toBe(256);
  expect(at(await convict(verdictOn()), REGISTRY.address)?.exitCode).toBe(254);
  chain.advance(60);
  expect(at(await convict(verdictOn()), REGISTRY.address)?.exitCode).toBe(0);
  expectGas("registry: set parameters", await order(GOVERNOR, set));
  expectGas("registry: set authorities", await order(GOVERNOR, swap));
  const read = await chain.open(REGISTRY).getView();
  expect(read.parameters).toEqual(changed);
  expect(read.authorities.quorum.equals(addressOf("quorum two"))).toBe(true);
  expect(read.rules.treasury.equals(TREASURY.address)).toBe(true);
  const byAddress = await chain.open(new RegistryAt(REGISTRY.address)).getView();
  expect(byAddress.parameters).toEqual(changed);
  expect(byAddress.rules.unbondingSeconds).toBe(RULES.unbondingSeconds);
  expect(at(await convict(verdictOn(hashOf("later"))), REGISTRY.address)?.exitCode).toBe(220);
});

test("the registry and the wrapper agree where a stake is", async () => {
  const provider = chain.blockchain.provider(REGISTRY.address);
  const { stack } = await provider.get("get_stake_address", [
    { type: "int", value: BigInt(`0x${Buffer.from(NODE_KEY.publicKey).toString("hex")}`) },
    { type: "int", value: 1n },
  ]);
  expect(stack.readAddress().equals(STAKE.address)).toBe(true);
});

test("unknown messages are refused; what is left over and GRAM without words are kept", async () => {
  const noise = beginCell().storeUint(5, 32).storeUint(0, 64).endCell();
  const excesses = beginCell().storeUint(EXCESSES_OP, 32).storeUint(0, 64).endCell();
  for (const to of [STAKE.address, REGISTRY.address]) {
    const send = async (body: Cell) =>
      (await chain.send({ from: MALLORY, to, valueNanogram: NANOGRAM, body }))[0];
    expect((await send(noise))?.exitCode).toBe(65535);
    expect((await send(beginCell().endCell()))?.exitCode).toBe(0);
  }
  expect((await ask(MALLORY, excesses))[0]?.exitCode).toBe(0);
});
