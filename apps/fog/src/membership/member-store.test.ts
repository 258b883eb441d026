import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cid, cidOfValue, keyPairOfSeed, type LeaseId, type NodeId } from "@pingo/core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Database, openDatabase } from "../database/database.ts";
import { jobs, leases, results, units } from "../database/schema.ts";
import { JUDGED_STEPS_MAX } from "./deviation.ts";
import {
  countVerified,
  nextCandidate,
  nextToIssue,
  saveCertificate,
  saveVerification,
  saveWallet,
} from "./member-store.ts";

const node = (byte: number): NodeId => keyPairOfSeed(new Uint8Array(32).fill(byte)).nodeId;
const [first, second] = [node(1), node(2)];
const addressOf = (digit: number): string => `0:${String(digit).repeat(64)}`;
const job = cidOfValue("a job");
/** No certificate is near its end. */
const NONE_TO_RENEW = 0;

let folder = "";
let database: Database;
let worked = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-members-"));
  database = await openDatabase({ folder, url: undefined });
  await database.sql.insert(jobs).values({
    ...{ id: job, owner: first, name: "tiny", envelope: Uint8Array.of(1), state: "running" },
    ...{ program: job, rounds: 1, createdUnixMs: 1 },
  });
});
beforeEach(() =>
  database.run("truncate wallets, certificates, verifications, results, leases, units cascade"),
);
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** One piece of counted work. */
async function work(
  provider: NodeId,
  { steps = 8, rows = 64 }: { readonly steps?: number; readonly rows?: number } = {},
): Promise<LeaseId> {
  const index = worked++;
  const update: Cid = cidOfValue(index);
  // SAFETY: a lease's id is a string of whoever gives it.
  const lease = `lease-${index}` as LeaseId;
  const { sql } = database;
  const place = { job, round: 1, index };
  await sql.insert(units).values({ ...place, unit: Uint8Array.of(1) });
  await sql
    .insert(leases)
    .values({ ...place, id: lease, attempt: 1, provider, state: "delivered", issuedUnixMs: index });
  await sql.insert(results).values({
    ...{ ...place, lease, provider, receipt: Uint8Array.of(1), receiptCid: update, update, counted: true },
    ...{ steps, rows, loss: 1, receivedUnixMs: 1_000 + index },
  });
  return lease;
}

function link(of: NodeId, address: string, statedUnixMs: number): Promise<boolean> {
  return saveWallet(database.sql, { node: of, address, link: Uint8Array.of(1), statedUnixMs });
}

async function verify(verdict: "same" | "failed", atUnixMs: number): Promise<NodeId | undefined> {
  const candidate = await nextCandidate(database.sql, NONE_TO_RENEW);
  if (candidate === undefined) return undefined;
  const { lease, node, address } = candidate;
  await saveVerification(database.sql, { lease, node, address, verdict, deviation: 0, atUnixMs });
  return node;
}

async function issueAll(nowUnixMs: number): Promise<readonly string[]> {
  const issued: string[] = [];
  for (let due = await nextToIssue(database.sql); due; due = await nextToIssue(database.sql)) {
    issued.push(due.address);
    const validUntilUnixS = 2_000_000_000;
    await saveCertificate(database.sql, {
      ...{ address: due.address, validUntilUnixS, checkedUnixMs: nowUnixMs, issuedUnixMs: nowUnixMs },
    });
  }
  return issued;
}

test("one piece of work is one wallet's certificate, whatever its node is linked to afterwards", async () => {
  await work(first);
  await link(first, addressOf(1), 1);
  expect(await verify("same", 5_000)).toBe(first);
  // Linked anew before the certificate is issued, and after.
  await link(first, addressOf(2), 2);
  expect(await issueAll(5_001)).toEqual([addressOf(1)]);
  for (let other = 3; other < 6; other++) {
    await link(first, addressOf(other), other);
    expect(await verify("same", 5_000 + other)).toBeUndefined();
    expect(await issueAll(6_000 + other)).toEqual([]);
    expect(await countVerified(database.sql, addressOf(other))).toBe(0);
  }
  expect(await countVerified(database.sql, addressOf(1))).toBe(1);
  // What it works after that is the other wallet's.
  await work(first);
  expect(await verify("same", 7_000)).toBe(first);
  expect(await issueAll(7_001)).toEqual([addressOf(5)]);
});

test("work that is too long to be judged, or too much to be done again, is no candidate", async () => {
  await link(first, addressOf(1), 1);
  await work(first, { steps: JUDGED_STEPS_MAX + 1 });
  await work(first, { rows: 2 ** 20 + 1 });
  expect(await nextCandidate(database.sql, NONE_TO_RENEW)).toBeUndefined();
  const lease = await work(first, { steps: JUDGED_STEPS_MAX, rows: 2 ** 20 });
  expect(await nextCandidate(database.sql, NONE_TO_RENEW)).toMatchObject({ lease });
});

test("many units of one node that prove nothing do not hold up another's first", async () => {
  await link(first, addressOf(1), 1);
  await link(second, addressOf(2), 1);
  for (let i = 0; i < 5; i++) await work(first);
  await work(second);
  expect(await verify("failed", 5_000)).toBe(first);
  expect(await verify("failed", 5_001)).toBe(second);
  expect(await verify("failed", 5_002)).toBe(first);
});
