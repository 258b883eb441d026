/** User and provider of one hand: work for itself that is garbage, paid out, refuted. It must not come to more than it paid in. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertDefined, type KeyPair, type NodeId } from "@pingo/core";
import { sql as raw } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../database/database.ts";
import { findResult } from "../database/work-store.ts";
import { refundedNano, refundsDue } from "../settlement/settlement-store.ts";
import { fogAccount, owesAccount } from "./accounts.ts";
import { balanceNano, statementOf } from "./ledger.ts";
import {
  emptyTables,
  FOG,
  OWNERS,
  type PaidJob,
  PaidWorld,
  PROVIDERS,
  strangerOf,
} from "./testing/paid-world.ts";

const NANO = 1_000_000_000n;
/** What is not worth sending. */
const DUST_NANO = 1_000_000n;
const [USER, HAND] = OWNERS;
const [, HONEST] = PROVIDERS;

let folder = "";
let database: Database;
let world: PaidWorld;
/** The hand's, the newest last. */
let throwAways: KeyPair[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-collusion-"));
  database = await openDatabase({ folder, url: undefined });
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function emptyWorld(): Promise<void> {
  await emptyTables(database);
  world = new PaidWorld(database.sql);
  await world.link();
  throwAways = [];
  await throwAway();
}

async function throwAway(): Promise<KeyPair> {
  const key = strangerOf(throwAways.length);
  await world.link([key]);
  throwAways.push(key);
  return key;
}

async function settled(job: PaidJob): Promise<void> {
  await world.finish(job);
  await world.bill(job);
  await world.close(job);
}

const paidOutNano = async ({ nodeId }: KeyPair): Promise<bigint> =>
  (await statementOf(database.sql, nodeId, 1e9)).paidOutNano;

test("work of the own hand that is paid out and refuted gives back its fee, and the rest only as its provider works it off", async () => {
  await emptyWorld();
  const [liar] = throwAways;
  const job = await world.admit(HAND, 100n * NANO, 1);
  const lease = await world.deliver(job, 0, assertDefined(liar, "it was linked"));
  await settled(job);
  await world.payOut();
  expect(await paidOutNano(assertDefined(liar, "it was linked"))).toBe(95n * NANO);
  const other = await world.admit(USER, 100n * NANO, 1);
  await world.deliver(other, 0, HONEST);
  await settled(other);
  await world.refute(assertDefined(lease, "it came"));
  await world.payOut();
  // Both fees: its own, and the station's from the other job.
  expect(await refundedNano(database.sql, job.id)).toBe(10n * NANO);
  expect(await paidOutNano(HONEST)).toBe(95n * NANO);
  expect(await refundsDue(database.sql)).toMatchObject([{ job: job.id, dueNano: 90n * NANO }]);

  const next = await world.admit(USER, 40n * NANO, 2);
  await world.deliver(next, 0, assertDefined(liar, "it was linked"));
  await world.deliver(next, 1, HONEST);
  await world.payOut();
  // Set off already, but nobody paid it in yet.
  expect(await refundedNano(database.sql, job.id)).toBe(10n * NANO);
  await settled(next);
  await world.payOut();
  expect(await refundedNano(database.sql, job.id)).toBe(31n * NANO);
  expect(await paidOutNano(HONEST)).toBe(114n * NANO);
  expect(await balanceNano(database.sql, owesAccount(assertDefined(liar, "").nodeId))).toBe(-76n * NANO);
  expect(await world.audit()).toMatchObject({ differences: 0, findings: [] });
});

type Step =
  | { readonly type: "admit"; readonly isHand: boolean; readonly nano: bigint; readonly pieces: number }
  | { readonly type: "deliver"; readonly job: number; readonly piece: number; readonly by: number }
  | { readonly type: "refute"; readonly job: number; readonly piece: number }
  | { readonly type: "finish" | "bill" | "close"; readonly job: number }
  | { readonly type: "swindle"; readonly nano: bigint; readonly refutedAt: number }
  | { readonly type: "honest"; readonly nano: bigint; readonly isClosed: boolean }
  | { readonly type: "payOut" | "throwAway" | "restart" };

const arbNano = fc.bigInt({ min: 1n, max: 100n * NANO });
const arbJob = fc.nat({ max: 7 });
const arbPiece = fc.nat({ max: 3 });
const arbStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant("admit" as const),
    isHand: fc.boolean(),
    nano: arbNano,
    pieces: fc.integer({ min: 1, max: 4 }),
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("deliver" as const),
      job: arbJob,
      piece: arbPiece,
      by: fc.nat({ max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("refute" as const), job: arbJob, piece: arbPiece }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom("finish", "bill", "close"), job: arbJob }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("swindle" as const),
      nano: arbNano,
      refutedAt: fc.nat({ max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("honest" as const), nano: arbNano, isClosed: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("payOut" as const) }) },
  fc.record({ type: fc.constantFrom("throwAway" as const, "restart" as const) }),
);

/** Garbage by somebody new for the own job, found out at one moment or another. */
async function swindle(nano: bigint, refutedAt: number): Promise<void> {
  const job = await world.admit(HAND, nano, 2);
  const liar = await throwAway();
  const leases = [await world.deliver(job, 0, liar), await world.deliver(job, 1, liar)];
  const moments = [() => world.payOut(), () => world.finish(job), () => settled(job), () => world.payOut()];
  for (const [at, pass] of moments.entries()) {
    await pass();
    if (at !== refutedAt) continue;
    for (const lease of leases) await world.refute(assertDefined(lease, "it is new"));
  }
}

/** Its providers work for others too, and rightly then; what others did is never refuted. */
async function take(step: Step): Promise<void> {
  const job = "job" in step ? world.jobs[step.job] : undefined;
  if (step.type === "admit") await world.admit(step.isHand ? HAND : USER, step.nano, step.pieces);
  else if (step.type === "swindle") await swindle(step.nano, step.refutedAt);
  else if (step.type === "honest") {
    const honest = await world.admit(USER, step.nano, 1);
    await world.deliver(honest, 0, HONEST);
    if (step.isClosed) await settled(honest);
  } else if (step.type === "throwAway") await throwAway();
  else if (step.type === "restart") world.restart();
  else if (step.type === "payOut") {
    await world.payOut();
    await check();
  } else if (job === undefined) return;
  else if (step.type === "deliver")
    await world.deliver(job, step.piece, step.by === 0 ? HONEST : (throwAways.at(-step.by) ?? HONEST));
  else if (step.type === "refute") {
    const lease = job.leases.get(step.piece);
    if (lease === undefined || job.owner !== HAND.nodeId) return;
    if ((await providerOf(lease)) !== HONEST.nodeId) await world.refute(lease);
  } else await world[step.type](job);
}

const providerOf = async (lease: Parameters<typeof findResult>[1]): Promise<NodeId> =>
  assertDefined(await findResult(database.sql, lease), "it came").provider;

/** After everything that is due went out. */
async function check(): Promise<void> {
  const [sum] = await database.sql
    .select({ nano: raw<string>`coalesce(sum(balance_nano), 0)::text` })
    .from(raw`accounts`);
  expect(sum?.nano).toBe("0");
  expect(await world.audit()).toMatchObject({ findings: [], differences: 0 });
  let [paidInNano, othersFeesNano, honestNano, backNano] = [0n, 0n, 0n, 0n];
  for (const job of world.jobs) {
    backNano += await refundedNano(database.sql, job.id);
    if (job.phase !== "closed") continue;
    const unitNano = job.budgetNano / BigInt(job.units.length);
    const feeNano = (unitNano * 50n) / 1000n;
    const isHand = job.owner === HAND.nodeId;
    if (isHand) paidInNano += job.billedNano;
    for (const lease of job.leases.values()) {
      const isHonest = (await providerOf(lease)) === HONEST.nodeId;
      if (isHonest) honestNano += unitNano - feeNano;
      // What the hand bought of others is gone, and what it did for others is its own.
      if (isHand && isHonest) paidInNano -= unitNano - feeNano;
      if (!isHand && !isHonest) paidInNano += unitNano - feeNano;
      if (!isHand) othersFeesNano += feeNano;
    }
  }
  const outNano = (await Promise.all(throwAways.map(paidOutNano))).reduce((all, one) => all + one, backNano);
  expect(outNano).toBeLessThanOrEqual(paidInNano + othersFeesNano);
  // What the station bears is what it has earned.
  expect(await balanceNano(database.sql, fogAccount(FOG.nodeId))).toBeGreaterThanOrEqual(0n);
  expect(honestNano - (await paidOutNano(HONEST))).toBeLessThan(DUST_NANO);
}

test("over any history of payouts, refutations and new providers the hand takes out what it paid in and what fees bear, and honest providers wait for none of it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arbStep, { minLength: 15, maxLength: 50 }), async (steps) => {
      await emptyWorld();
      for (const isHand of [true, false, true]) await world.admit(isHand ? HAND : USER, 40n * NANO, 4);
      for (const step of steps) await take(step);
      for (const job of world.jobs) await settled(job);
      await world.payOut();
      await check();
    }),
    { numRuns: 15 },
  );
}, 120_000);
