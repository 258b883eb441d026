/** Work that was paid and is refuted: what goes back to whom, once, whatever ends in between; and what the audit says where it did not. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertDefined, encodeCanonical, type LeaseId, type NodeId, sha256 } from "@pingo/core";
import { sql as raw } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../database/database.ts";
import type { Sql } from "../database/schema.ts";
import { findResult } from "../database/work-store.ts";
import { draftEpoch } from "../emission/close-epoch.ts";
import { Documents } from "../emission/documents.ts";
import {
  missingNano,
  overpaidNano,
  refundedNano,
  refundsDue,
  usedNano,
} from "../settlement/settlement-store.ts";
import { fogAccount, fogPurse, owesAccount, ownerAccount, providerAccount } from "./accounts.ts";
import { balanceNano, statementOf } from "./ledger.ts";
import { emptyTables, FOG, OWNERS, type PaidJob, PaidWorld, PROVIDERS } from "./testing/paid-world.ts";

const NANO = 1_000_000_000n;
/** What is not worth sending. */
const DUST_NANO = 1_000_000n;
const [USER] = OWNERS;
const [LIAR, HONEST] = PROVIDERS;
const FEES = fogAccount(FOG.nodeId);

let folder = "";
let database: Database;
let world: PaidWorld;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-take-back-"));
  database = await openDatabase({ folder, url: undefined });
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** Each test has the tables to itself. */
async function emptyWorld(): Promise<PaidWorld> {
  await emptyTables(database);
  world = new PaidWorld(database.sql);
  await world.link();
  return world;
}

const balance = (account: Parameters<typeof balanceNano>[1]) => balanceNano(database.sql, account);
const owed = async (id: NodeId): Promise<bigint> => -(await balance(owesAccount(id)));

async function worked(job: PaidJob, by: readonly (typeof PROVIDERS)[number][]): Promise<readonly LeaseId[]> {
  const leases: LeaseId[] = [];
  for (const [piece, key] of by.entries())
    leases.push(assertDefined(await world.deliver(job, piece, key), "it is new"));
  return leases;
}

async function settled(job: PaidJob): Promise<void> {
  await world.finish(job);
  await world.bill(job);
  await world.close(job);
}

async function evidenceOf(leases: readonly (LeaseId | undefined)[]): Promise<Uint8Array> {
  const receipts = [];
  for (const lease of leases) {
    const result = await findResult(database.sql, assertDefined(lease, "it was delivered"));
    receipts.push(assertDefined(result, "it came").receiptCid);
  }
  return sha256(encodeCanonical(receipts));
}

test("refuted before its job is billed: its user is billed for the rest alone, and neither provider nor station has anything of it", async () => {
  await emptyWorld();
  const job = await world.admit(USER, 4n * NANO, 4);
  const leases = await worked(job, [LIAR, HONEST, LIAR, HONEST]);
  await world.refute(assertDefined(leases[0], "four came"));
  await settled(job);
  expect(job.billedNano).toBe(3n * NANO);
  expect(job.evidence).toEqual(await evidenceOf(leases.slice(1)));
  expect(await balance(providerAccount(LIAR.nodeId))).toBe((NANO * 95n) / 100n);
  expect(await balance(FEES)).toBe((3n * NANO * 5n) / 100n);
  expect([await balance(ownerAccount(USER.nodeId)), await owed(LIAR.nodeId)]).toEqual([0n, 0n]);
  expect(await statementOf(database.sql, LIAR.nodeId, 1e9)).toMatchObject({
    earnedNano: (NANO * 95n) / 100n,
    takenBackNano: (NANO * 95n) / 100n,
    owedNano: 0n,
  });
  expect(await world.audit()).toMatchObject({
    ...{ differences: 0, findings: [], refuted: 1, takenBackNano: NANO.toString() },
  });
});

test("refuted after the payout: the provider owes it and earns it off, and the station's fees bear it meanwhile", async () => {
  await emptyWorld();
  const other = await world.admit(USER, 40n * NANO, 1);
  await worked(other, [HONEST]);
  await settled(other);
  const job = await world.admit(USER, 2n * NANO, 2);
  const [lease] = await worked(job, [LIAR, LIAR]);
  await settled(job);
  await world.payOut();
  const paidNano = (2n * NANO * 95n) / 100n;
  expect((await statementOf(database.sql, LIAR.nodeId, 1e9)).paidOutNano).toBe(paidNano);

  await world.refute(assertDefined(lease, "it came"));
  expect(await owed(LIAR.nodeId)).toBe(paidNano / 2n);
  expect(await refundsDue(database.sql)).toMatchObject([{ job: job.id, dueNano: NANO }]);
  const feesNano = await balance(FEES);
  expect(-(await balance(fogPurse))).toBe(feesNano + NANO - paidNano / 2n);
  const last = await world.admit(USER, 4n * NANO, 4);
  await worked(last, [LIAR, HONEST]);
  // Nothing was paid in for these two yet, and fees of the first job reach.
  await world.payOut();
  expect(await refundsDue(database.sql)).toEqual([]);
  expect(await refundedNano(database.sql, job.id)).toBe(NANO);
  expect([await owed(LIAR.nodeId), await balance(providerAccount(LIAR.nodeId))]).toEqual([0n, 0n]);
  await world.deliver(last, 2, LIAR);
  await settled(last);
  await world.payOut();
  expect((await statementOf(database.sql, LIAR.nodeId, 1e9)).paidOutNano).toBe(paidNano + paidNano / 2n);
  expect(await balance(providerAccount(HONEST.nodeId))).toBe(0n);
  expect(-(await balance(fogPurse))).toBe(await balance(FEES));
  expect(await world.audit()).toMatchObject({ differences: 0, findings: [] });
});

/** Ends at its nth statement, as a process that is killed there. */
function endingAt(sql: Sql, statement: number): Sql {
  let count = 0;
  const counted = (target: Sql): Sql =>
    new Proxy(target, {
      get(of, name) {
        const found: unknown = Reflect.get(of, name, of);
        if (typeof found !== "function") return found;
        if (name === "transaction")
          return (run: (tx: Sql) => Promise<unknown>) => of.transaction((tx) => run(counted(tx)));
        if (name === "insert" || name === "update" || name === "select") {
          count += 1;
          if (count === statement) throw new RangeError("killed");
        }
        return (...args: readonly unknown[]) => Reflect.apply(found, of, args);
      },
    });
  return counted(sql);
}

test("killed anywhere between finding it and having booked it, it is found again and booked once", async () => {
  await emptyWorld();
  const job = await world.admit(USER, 100n * NANO, 100);
  let [piece, kills] = [0, 0];
  for (; ; piece++) {
    const lease = assertDefined(await world.deliver(job, piece, LIAR), "it is new");
    const before = await balance(ownerAccount(USER.nodeId));
    const isKilled = await world.refute(lease, endingAt(database.sql, piece + 1)).then(
      () => false,
      (error: unknown) => error instanceof RangeError,
    );
    const hasBooked = (await balance(ownerAccount(USER.nodeId))) !== before;
    expect(hasBooked).toBe(!isKilled);
    expect(await world.audit()).toMatchObject({ differences: 0, refuted: piece + Number(!isKilled) });
    if (!isKilled) break;
    kills += 1;
    world.restart();
    // Two find it, one after the other, and each comes to another update.
    await world.refute(lease);
    await world.refute(lease);
    expect(await balance(ownerAccount(USER.nodeId))).toBe(before + NANO);
  }
  expect(kills).toBeGreaterThan(8);
  expect(await balance(ownerAccount(USER.nodeId))).toBe(BigInt(piece + 1) * NANO);
  expect(await balance(FEES)).toBe(0n);
});

/** What somebody with the database in hand could do, and what it is called. */
const ALTERATIONS: readonly (readonly [string, string])[] = [
  ["update refutations set verdict = null", "TAKEN_BACK_WITHOUT_VERDICT"],
  [
    "delete from entries where transfer in (select id from transfers where kind = 'takeback'); delete from transfers where kind = 'takeback'",
    "TAKEN_BACK_WRONG",
  ],
  [
    "with again as (insert into transfers (key, kind, job, at_unix_ms) select key || '/2', kind, job, at_unix_ms from transfers where kind = 'takeback' returning id) insert into entries select again.id, account, amount_nano from again, entries where transfer = (select min(id) from transfers where kind = 'takeback')",
    "TAKEN_BACK_TWICE",
  ],
  [
    "update entries set amount_nano = amount_nano + sign(amount_nano) where transfer in (select id from transfers where kind = 'takeback')",
    "TAKEN_BACK_WRONG",
  ],
  [
    "update entries set account = 'provider/somebody else' where account like 'owes/%' and transfer in (select id from transfers where kind = 'takeback')",
    "TAKEN_BACK_WRONG",
  ],
  ["update refutations set verdict = '\\x00'", "VERDICT_ALTERED"],
  ["update refutations set verdict = (select receipt from results limit 1)", "VERDICT_ALTERED"],
  [
    "update refutations set verdict = (select verdict from refutations where lease = (select min(lease) from refutations))",
    "VERDICT_ALTERED",
  ],
  [
    "update entries set account = account || 'x' where account like 'owes/%' and transfer in (select id from transfers where kind = 'setoff')",
    "SET_OFF_WRONG",
  ],
  [
    "delete from entries where transfer in (select id from transfers where kind = 'setoff'); delete from transfers where kind = 'setoff'",
    "SET_OFF_WRONG",
  ],
  ["update payouts set amount_nano = amount_nano + 1 where job is not null", "REFUND_NOT_DUE"],
];

test("a verdict without its booking, a booking without its verdict, one twice and one of another sum are each found and named", async () => {
  await emptyWorld();
  const job = await world.admit(USER, 3n * NANO, 3);
  const [first, second] = await worked(job, [LIAR, LIAR, HONEST]);
  await settled(job);
  await world.payOut();
  await world.refute(assertDefined(first, "it came"));
  await world.refute(assertDefined(second, "it came"));
  const next = await world.admit(USER, 9n * NANO, 1);
  await worked(next, [LIAR]);
  await settled(next);
  await world.payOut();
  expect(await world.audit()).toMatchObject({ differences: 0, findings: [], refuted: 2 });
  for (const [alteration, code] of ALTERATIONS) {
    let codes: readonly string[] = [];
    const undone = database.sql.transaction(async (tx) => {
      for (const table of ["entries", "transfers"])
        await tx.execute(raw.raw(`alter table ${table} disable trigger user`));
      await tx.execute(raw`alter table entries drop constraint entries_account_fkey`);
      for (const one of alteration.split("; ")) await tx.execute(raw.raw(one));
      codes = (await world.audit(tx)).findings.map((finding) => finding.code);
      throw new RangeError("undone");
    });
    await expect(undone).rejects.toThrow("undone");
    expect(codes, alteration).toContain(code);
  }
});

test("refuted work gives nothing in an epoch that is open, and what a closed one gave stays", async () => {
  await emptyWorld();
  const { sql, blocks, clock } = world;
  const chain = { network: -3, roomNano: async () => ({ compute: 10n ** 15n, fog: 10n ** 15n }) } as const;
  const draft = () =>
    draftEpoch({ chain, fog: FOG.nodeId, sql, blocks, documents: new Documents(blocks), clock }, 9);
  const job = await world.admit(USER, 2n * NANO, 2);
  const [lease] = await worked(job, [LIAR, HONEST]);
  await settled(job);
  const given = (await draft())?.pools.compute.rewards;
  expect(given).toHaveLength(2);
  await world.refute(assertDefined(lease, "it came"));
  const [only, ...others] = (await draft())?.pools.compute.rewards ?? [];
  expect([others, only?.nano]).toEqual([[], given?.[0]?.nano]);
  await world.closeEpoch();
  expect(await draft()).toBeUndefined();
  expect(await world.audit()).toMatchObject({ differences: 0, findings: [] });
});

type Step =
  | { readonly type: "admit"; readonly user: number; readonly nano: bigint; readonly pieces: number }
  | { readonly type: "deliver"; readonly job: number; readonly piece: number; readonly by: number }
  | { readonly type: "refute"; readonly job: number; readonly piece: number; readonly killedAt: number }
  | { readonly type: "finish" | "bill"; readonly job: number }
  | { readonly type: "close"; readonly job: number; readonly cutNano: bigint }
  | { readonly type: "payOut" | "epoch" | "restart" };

const arbJob = fc.nat({ max: 3 });
const arbPiece = fc.nat({ max: 3 });
const arbStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant("admit" as const),
    user: fc.nat({ max: 1 }),
    nano: fc.bigInt({ min: 0n, max: 10n * NANO }),
    pieces: fc.integer({ min: 1, max: 4 }),
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("deliver" as const),
      job: arbJob,
      piece: arbPiece,
      by: fc.nat({ max: 2 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("refute" as const),
      job: arbJob,
      piece: arbPiece,
      killedAt: fc.nat({ max: 24 }),
    }),
  },
  fc.record({ type: fc.constantFrom("finish" as const, "bill" as const), job: arbJob }),
  fc.record({
    type: fc.constant("close" as const),
    job: arbJob,
    cutNano: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0n) },
      { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 3n * NANO }) },
    ),
  }),
  fc.record({ type: fc.constantFrom("payOut" as const, "epoch" as const, "restart" as const) }),
);

async function take(step: Step): Promise<void> {
  const job = "job" in step ? world.jobs[step.job] : undefined;
  if (step.type === "admit") {
    await world.admit(OWNERS[step.user] ?? USER, step.nano, step.pieces);
  } else if (step.type === "payOut") await world.payOut();
  else if (step.type === "epoch") await world.closeEpoch();
  else if (step.type === "restart") world.restart();
  else if (job === undefined) return;
  else if (step.type === "deliver") await world.deliver(job, step.piece, PROVIDERS[step.by] ?? LIAR);
  else if (step.type === "finish") await world.finish(job);
  else if (step.type === "bill") await world.bill(job);
  else if (step.type === "close") await world.close(job, step.cutNano);
  else if (step.type === "refute") {
    const lease = job.leases.get(step.piece);
    if (lease === undefined) return;
    await world.refute(lease, endingAt(database.sql, step.killedAt)).catch((error: unknown) => {
      if (!(error instanceof RangeError)) throw error;
    });
  }
}

/** What must hold at any time. */
async function check(): Promise<void> {
  const [sum] = await database.sql
    .select({ nano: raw<string>`coalesce(sum(balance_nano), 0)::text` })
    .from(raw`accounts`);
  expect(sum?.nano).toBe("0");
  expect(await world.audit()).toMatchObject({ findings: [], differences: 0 });
  const honestNano = new Map<NodeId, bigint>();
  for (const job of world.jobs) {
    const refused = job.refuted.size;
    const unitNano = job.budgetNano / BigInt(job.units.length);
    const usedOf = unitNano * BigInt(job.leases.size - refused);
    expect(await usedNano(database.sql, job.id)).toBe(usedOf);
    for (const lease of job.leases.values()) {
      if (job.refuted.has(lease)) continue;
      const { provider } = assertDefined(await findResult(database.sql, lease), "it came");
      const shareNano = unitNano - (unitNano * 50n) / 1000n;
      honestNano.set(provider, (honestNano.get(provider) ?? 0n) + shareNano);
    }
    if (job.phase !== "closed") continue;
    // What the user has paid for good is never more than the work that stands, but for what is still on its way back.
    const backNano = await refundedNano(database.sql, job.id);
    const dueNano = (await overpaidNano(database.sql, job.id)) - backNano;
    expect(dueNano).toBeGreaterThanOrEqual(0n);
    expect(job.billedNano - backNano - dueNano).toBeLessThanOrEqual(usedOf);
  }
  for (const { nodeId } of PROVIDERS) {
    const { paidOutNano, providerNano, owedNano, earnedNano } = await statementOf(database.sql, nodeId, 1e9);
    // Net of what it owes, nobody has anything but for work that stands.
    expect(paidOutNano + providerNano - owedNano).toBe(honestNano.get(nodeId) ?? 0n);
    expect(earnedNano).toBe(honestNano.get(nodeId) ?? 0n);
    expect(providerNano === 0n || owedNano === 0n).toBe(true);
  }
}

test("whatever comes in whatever order, killed and started anew: sums are zero, refuted work is nobody's gain and no user's cost, and the audit is clean", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arbStep, { minLength: 10, maxLength: 60 }), async (steps) => {
      await emptyWorld();
      for (let i = 0; i < 2; i++) await world.admit(OWNERS[i] ?? USER, 4n * NANO, 4);
      for (const [at, step] of steps.entries()) {
        await take(step);
        if (at % 10 === 9) await check();
      }
      for (const job of world.jobs) await settled(job);
      await world.payOut();
      await world.closeEpoch();
      await check();
      // A user waits only while nothing covers it, or the purse is empty.
      const due = await refundsDue(database.sql);
      for (const { job, dueNano } of due)
        expect(dueNano).toBe(
          (await overpaidNano(database.sql, job)) - (await refundedNano(database.sql, job)),
        );
      const dueNano = due.reduce((sum, one) => sum + one.dueNano, 0n);
      const coveredNano = dueNano - (await missingNano(database.sql, FOG.nodeId));
      if (due.some((one) => one.dueNano >= DUST_NANO) && coveredNano >= DUST_NANO)
        expect(-(await balance(fogPurse))).toBeLessThan(DUST_NANO);
    }),
    { numRuns: 20 },
  );
}, 120_000);
