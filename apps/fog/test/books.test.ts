/** The books on both databases, and audited after real work. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import {
  type BooksReport,
  encodeCanonical,
  type JobView,
  type KeyPair,
  keyPairOfSeed,
  parseShape,
  STOP_DOMAIN,
  signValue,
  zBooksReport,
  zBooksView,
  zJobPayments,
  zRefutedWorks,
} from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { sql as raw } from "drizzle-orm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { auditBooks } from "../src/books/audit.ts";
import { balanceNano } from "../src/books/ledger.ts";
import { post, type Transfer } from "../src/books/post.ts";
import { type Database, openDatabase } from "../src/database/database.ts";
import type { Sql } from "../src/database/schema.ts";
import { type FogProcess, makePlace, startFog } from "./fog-process.ts";
import { hasPostgres, startPostgres } from "./postgres.ts";
import { join } from "./scripted-provider.ts";
import {
  acceptTinyJob,
  ONE_UNIT,
  postCbor,
  signJob,
  submit,
  untilFinished,
  uploadTinyJob,
} from "./tiny-job.ts";

const ACCOUNTS = ["owner/a", "owner/b", "provider/a", "fog/f", "escrow/j"] as const;
const SUPPLY_NANO = 10n ** 18n;
const BUDGET_NANO = 6_000_000_007n;

const arbMove = fc.record({
  key: fc.integer({ min: 0, max: 30 }),
  from: fc.constantFrom(...ACCOUNTS),
  to: fc.uniqueArray(fc.constantFrom(...ACCOUNTS), { minLength: 1, maxLength: 4 }),
  nano: fc.bigInt({ min: 1n, max: SUPPLY_NANO / 100n }),
  lostNano: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0n) },
    { weight: 1, arbitrary: fc.constantFrom(1n, -1n) },
  ),
});

/** Random transfers, some of them wrong, beside a model of ten lines; what the model refuses, the database must. */
async function checkTransfers(database: Database, numRuns: number): Promise<void> {
  const { sql } = database;
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(arbMove, { minLength: 1, maxLength: 40 }), async (moves) => {
      run += 1;
      const named = (account: string): `owner/${string}` => `${account}-${run}` as `owner/${string}`; // SAFETY: one of the names above
      const model = new Map<string, bigint>();
      const keys = new Set<string>();
      for (const { key: number, from, to, nano, lostNano } of moves) {
        const key = `test/${run}/${number}`;
        const entries: Transfer["entries"] = [
          [named(from), -nano * BigInt(to.length) + lostNano],
          ...to.map((account) => [named(account), nano] as const),
        ];
        const after = new Map(model);
        for (const [account, amount] of entries) after.set(account, (after.get(account) ?? 0n) + amount);
        const touched = new Set(entries.filter(([, amount]) => amount !== 0n).map(([account]) => account));
        const isNothing = touched.size === 1 && lostNano === 0n;
        const isOverdrawn = [...touched].some(
          (account) => !account.startsWith("owner/") && (after.get(account) ?? 0n) < 0n,
        );
        const isRefused = !keys.has(key) && (lostNano !== 0n || isNothing || isOverdrawn);
        const posting = sql.transaction((tx) =>
          post(tx, { key, kind: "fund", job: null, atUnixMs: 1, entries }),
        );
        if (isRefused) {
          await expect(posting).rejects.toThrow();
          continue;
        }
        expect(await posting).toBe(!keys.has(key));
        if (keys.has(key)) continue;
        keys.add(key);
        for (const [account, balance] of after) model.set(account, balance);
      }
      for (const account of ACCOUNTS)
        expect(await balanceNano(sql, named(account))).toBe(model.get(named(account)) ?? 0n);
    }),
    { numRuns },
  );
  const [row] = await sql
    .select({ nano: raw<string>`coalesce(sum(balance_nano), 0)::text` })
    .from(raw`accounts`);
  expect(row?.nano).toBe("0");
  for (const statement of [
    "update entries set amount_nano = amount_nano + 1",
    "delete from entries",
    "delete from transfers",
    "truncate entries, transfers",
  ])
    await expect(database.run(statement)).rejects.toThrow(/append-only/);
}

test("whatever is posted, sums stay zero, keys count once, and only owners may owe", async () => {
  const folder = await mkdtemp(joinPath(tmpdir(), "pingo-books-"));
  try {
    await using database = await openDatabase({ folder, url: undefined });
    await checkTransfers(database, 25);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.skipIf(!hasPostgres)("the same on PostgreSQL, and by several at once (skipped without it)", async () => {
  await using postgres = await startPostgres();
  await using database = await openDatabase(postgres);
  await checkTransfers(database, 10);
  const { sql } = database;
  const both = [
    [
      ["owner/x", -5n],
      ["provider/y", 5n],
    ],
    [
      ["provider/y", 3n],
      ["owner/x", -3n],
    ],
  ] as const;
  await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      // Each key twice, in both orders of accounts: neither waits for the other for ever, and one of them counts.
      sql.transaction((tx) =>
        post(tx, {
          key: `at-once/${i >> 1}`,
          kind: "fund",
          job: null,
          atUnixMs: 1,
          entries: both[(i >> 1) % 2] ?? [],
        }),
      ),
    ),
  );
  expect(await balanceNano(sql, "provider/y")).toBe(10n * 5n + 10n * 3n);
});

async function stopJob(fog: FogProcess, { id: job }: JobView, owner: KeyPair): Promise<void> {
  const signed = signValue(STOP_DOMAIN, { job }, owner);
  expect((await postCbor(`${fog.url}/v1/jobs/${job}/stop`, encodeCanonical(signed))).status).toBe(200);
}

async function json(fog: FogProcess, path: string): Promise<unknown> {
  return (await fetch(`${fog.url}${path}`)).json();
}

async function workOn(fog: FogProcess, job: JobView, units: number): Promise<string> {
  await using provider = await join(fog);
  for (let done = 0; done < units; done++)
    await provider.send(await provider.work(await provider.nextLease()));
  await untilFinished(fog.url, job);
  return provider.key.nodeId;
}

test("work is paid from the budget as its receipts come, the rest goes back, and the audit finds every alteration", async () => {
  const owner = keyPairOfSeed(systemPrng.bytes(32));
  await using place = await makePlace();
  let fogId: BooksFog;
  {
    await using fog = await startFog(place);
    fogId = fog.node.id;
    const job = await acceptTinyJob(fog.url, owner, { ...ONE_UNIT, budgetNano: BUDGET_NANO.toString() });
    const provider = await workOn(fog, job, 3);
    const unitNano = BUDGET_NANO / 3n;
    const feeNano = (unitNano * 50n) / 1000n;
    const earned = parseShape(zBooksView, await json(fog, `/v1/books/${provider}`), "the books");
    expect(BigInt(earned.providerNano)).toBe(3n * (unitNano - feeNano));
    expect(earned.earnedNano).toBe(earned.providerNano); // nothing of it is paid out or spent
    expect(earned.lines.map(({ kind }) => kind)).toEqual(["pay", "pay", "pay"]);
    const spent = parseShape(zBooksView, await json(fog, `/v1/books/${owner.nodeId}`), "the books");
    expect(BigInt(spent.ownerNano)).toBe(-3n * unitNano); // all but what rounding left, which came back
    expect(BigInt(spent.spentNano)).toBe(3n * unitNano);
    const { payments } = parseShape(zJobPayments, await json(fog, `/v1/jobs/${job.id}/payments`), "payments");
    expect(payments.map(({ account }) => account.split("/")[0])).toEqual([
      "provider",
      "fog",
      "escrow",
      "owner",
    ]);
    expect(payments.reduce((sum, { amountNano }) => sum + BigInt(amountNano), 0n)).toBe(0n);

    // Stopped before anybody worked: all of it comes back.
    const unworked = await acceptTinyJob(fog.url, owner, { ...ONE_UNIT, budgetNano: "1000" });
    await using idler = await join(fog);
    await idler.nextLease();
    await stopJob(fog, unworked, owner);
    await untilFinished(fog.url, unworked);
    const after = parseShape(zBooksView, await json(fog, `/v1/books/${owner.nodeId}`), "the books");
    expect(after.ownerNano).toBe(spent.ownerNano);

    const report = parseShape(zBooksReport, await json(fog, "/v1/audit"), "the audit");
    expect(report).toMatchObject({ jobs: 2, receipts: 3, differences: 0, findings: [] });
    expect(BigInt(report.paidNano)).toBe(3n * unitNano);

    const tooMuch = await uploadTinyJob(fog.url, { ...ONE_UNIT, budgetNano: (SUPPLY_NANO + 1n).toString() });
    const refused = await submit(fog.url, signJob(tooMuch, owner));
    expect(await refused.json()).toMatchObject({ error: { code: "BUDGET_TOO_LARGE" } });
  }
  await using database = await openDatabase({
    folder: joinPath(String(place.env["PINGO_HOME"]), "fog"),
    url: undefined,
  });
  for (const [alteration, code] of ALTERATIONS) {
    const { findings } = await auditAltered(database.sql, fogId, alteration);
    expect(findings.map((finding) => finding.code)).toContain(code);
  }
});

/** What somebody with the database in hand could do, and what it is called. */
const ALTERATIONS: readonly (readonly [string, string])[] = [
  ["update entries set amount_nano = amount_nano + 1 where account like 'provider/%'", "PAY_WRONG"],
  ["update entries set amount_nano = amount_nano + 1 where account like 'owner/%'", "ESCROW_WRONG"],
  ["update entries set amount_nano = amount_nano - 1 where account like 'fog/%'", "TRANSFER_UNBALANCED"],
  ["update accounts set balance_nano = balance_nano + 1 where id like 'provider/%'", "BALANCE_DRIFTED"],
  [
    "delete from entries where transfer in (select id from transfers where key like 'refund/%')",
    "REFUND_WRONG",
  ],
  ["update results set counted = false where round = 2", "PAY_WITHOUT_RECEIPT"],
  [
    "update results set receipt = (select receipt from results where round = 1) where round = 2",
    "RECEIPT_ALTERED",
  ],
  ["update results set provider = 'somebody else'", "RECEIPT_ALTERED"],
  ["update jobs set budget_nano = budget_nano * 2", "JOB_ALTERED"],
];

async function auditAltered(sql: Sql, fog: BooksFog, alteration: string): Promise<BooksReport> {
  let report: BooksReport | undefined;
  const undone = sql.transaction(async (tx) => {
    await tx.execute(raw`alter table entries disable trigger user`);
    await tx.execute(raw`alter table transfers disable trigger user`);
    await tx.execute(raw.raw(alteration));
    report = await auditBooks({
      ...{ sql: tx, fog, signal: new AbortController().signal, settlement: undefined, emission: undefined },
    });
    throw new RangeError("undone");
  });
  await expect(undone).rejects.toThrow("undone");
  if (report === undefined) throw new Error("it was audited");
  return report;
}
type BooksFog = Parameters<typeof auditBooks>[0]["fog"];

test("a provider that turns dishonest is caught by the share of its work that is drawn, and then loses the pay of all that it did so", async () => {
  await using place = await makePlace({ PINGO_FOG_AUDIT_PERCENT: "34" });
  await using fog = await startFog(place);
  const owner = keyPairOfSeed(systemPrng.bytes(32));
  const change = { ...ONE_UNIT, budgetNano: BUDGET_NANO.toString() };
  await using provider = await join(fog);
  const honest = await acceptTinyJob(fog.url, owner, change);
  for (let done = 0; done < 3; done++) await provider.send(await provider.work(await provider.nextLease()));
  await untilFinished(fog.url, honest);
  let lies = 0;
  while (!fog.logged().includes("work_refuted")) {
    const job = await acceptTinyJob(fog.url, owner, change);
    for (let done = 0; done < 3; done++, lies++)
      await provider.send(await provider.claim(await provider.nextLease(), new Float32Array(6).fill(0.01)));
    await untilFinished(fog.url, job);
  }
  const refuted = async () => {
    const path = `/v1/providers/${provider.key.nodeId}/refuted`;
    return parseShape(zRefutedWorks, await json(fog, path), "the refuted work").refuted;
  };
  while ((await refuted()).length < lies) await systemClock.sleep(100);
  expect((await refuted()).map(({ job }) => job)).not.toContain(honest.id);
  const earned = parseShape(zBooksView, await json(fog, `/v1/books/${provider.key.nodeId}`), "the books");
  const spent = parseShape(zBooksView, await json(fog, `/v1/books/${owner.nodeId}`), "the books");
  const unitNano = BUDGET_NANO / 3n;
  expect(BigInt(earned.providerNano)).toBe(3n * (unitNano - (unitNano * 50n) / 1000n));
  expect(BigInt(spent.spentNano)).toBe(3n * unitNano);
  const report = parseShape(zBooksReport, await json(fog, "/v1/audit"), "the audit");
  expect(report).toMatchObject({ differences: 0, findings: [], refuted: lies });
});

test("where owners get no credit, a job without funds is refused and nothing of it stays", async () => {
  await using place = await makePlace({ PINGO_FOG_PAYMENT: "prepaid" });
  await using fog = await startFog(place);
  const owner = keyPairOfSeed(systemPrng.bytes(32));
  const job = await uploadTinyJob(fog.url, { ...ONE_UNIT, budgetNano: "1000" });
  const refused = await submit(fog.url, signJob(job, owner));
  expect(refused.status).toBe(402);
  expect(await refused.json()).toMatchObject({
    error: { code: "FUNDS_MISSING", message: expect.stringContaining("pingo node join") },
  });
  expect(await json(fog, "/v1/jobs")).toEqual({ jobs: [] });
  const books = parseShape(zBooksView, await json(fog, `/v1/books/${owner.nodeId}`), "the books");
  const { lines, ...sums } = books;
  expect([lines, Object.values(sums).filter((nano) => nano !== "0")]).toEqual([[], []]);
  expect((await acceptTinyJob(fog.url, owner, ONE_UNIT)).state).toMatch(/queued|running/);
  expect((await fetch(`${fog.url}/v1/books/nobody`)).status).toBe(400);
});
