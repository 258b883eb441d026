import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BILL_BYTES_MAX,
  BILL_RECEIPTS_MAX,
  type BillDocument,
  type Cid,
  cidOfValue,
  type KeyPair,
  keyPairOfSeed,
  LIMITS,
  type RunJob,
  type TrainJob,
} from "@pingo/core";
import { createTestClock } from "@pingo/core/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Database, openDatabase } from "../database/database.ts";
import { insertJob } from "../database/job-store.ts";
import { type EscrowRow, escrows } from "../database/schema.ts";
import {
  checkBillable,
  checkUnfundedPlaces,
  UNFINISHED_JOBS_MAX,
  UNFUNDED_JOBS_MAX,
  UNFUNDED_JOBS_OF_OWNER_MAX,
} from "./admission.ts";

const keyOf = (n: number): KeyPair => {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, n + 1);
  return keyPairOfSeed(seed);
};
const clock = createTestClock();

let folder = "";
let database: Database;
let made = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-admission-"));
  database = await openDatabase({ folder, url: undefined });
});
beforeEach(() => database.run("delete from escrows; delete from jobs"));
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** @param state  of its escrow; undefined: none is named yet */
async function submitted(owner: KeyPair, state?: EscrowRow["state"]): Promise<void> {
  const { sql } = database;
  const id: Cid = cidOfValue(made++);
  const createdUnixMs = clock.nowUnixMs();
  await insertJob(sql, {
    ...{ id, owner: owner.nodeId, name: "tiny", envelope: Uint8Array.of(1), state: "queued", program: id },
    ...{ rounds: 1, createdUnixMs, budgetNano: 1n },
  });
  if (state === undefined) return;
  const address = `0:${made.toString(16).padStart(64, "0")}`;
  await sql
    .insert(escrows)
    .values({ job: id, address, userAddress: address, deadlineUnixS: 1, state, createdUnixMs });
}

function admits(owner: KeyPair): Promise<void> {
  return checkUnfundedPlaces(database.sql, owner.nodeId);
}

test("one key's unpaid jobs keep only itself out, and what is paid leaves room", async () => {
  const [greedy, honest] = [keyOf(0), keyOf(1)];
  for (let i = 0; i < UNFUNDED_JOBS_OF_OWNER_MAX; i++) {
    await admits(greedy);
    await submitted(greedy, i % 2 === 0 ? "awaited" : undefined);
  }
  await expect(admits(greedy)).rejects.toMatchObject({ code: "UNFUNDED_JOBS_TOO_MANY" });
  await admits(honest);
  for (let i = 0; i < UNFUNDED_JOBS_OF_OWNER_MAX + 1; i++) {
    await admits(honest);
    await submitted(honest, "funded");
  }
});

test("unpaid jobs and paid ones have bounds of their own", async () => {
  for (let i = 0; i < UNFINISHED_JOBS_MAX - 1; i++) await submitted(keyOf(i), "funded");
  for (let i = 0; i < UNFUNDED_JOBS_MAX - 1; i++) await submitted(keyOf(1_000 + i));
  await admits(keyOf(5_000));
  await submitted(keyOf(2_000), "awaited");
  await expect(admits(keyOf(5_000))).rejects.toMatchObject({ code: "JOBS_TOO_MANY" });
  await database.run(
    "update jobs set finished_unix_ms = 1 where id in (select job from escrows where state = 'awaited')",
  );
  await admits(keyOf(5_000));
  await submitted(keyOf(3_000), "funded");
  await expect(admits(keyOf(5_000))).rejects.toMatchObject({ code: "JOBS_TOO_MANY" });
});

test("a job that could come to more receipts than its bill has room for is refused, unless it is for nothing", () => {
  const cid = cidOfValue("any");
  const workers = { min: 1, max: 6, cpuMillicores: 1, memoryBytes: 1 };
  const any = {
    apiVersion: "pingo/v1",
    name: "long",
    budgetNano: "1",
    retryMax: 0,
    seed: 1,
    workers,
  } as const;
  const train = (rounds: number): TrainJob => ({
    ...{ ...any, kind: "Train", model: cid, data: { train: cid, test: null } },
    objective: { loss: "softmax-cross-entropy", target: "label", metrics: [] },
    optimizer: { adamw: { learningRate: 1, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
    schedule: { rounds, stepsPerRound: 1, batchSize: 1, secondsPerRound: 1 },
  });
  const rounds = BILL_RECEIPTS_MAX / workers.max;
  checkBillable(train(rounds));
  expect(() => checkBillable(train(rounds + 1))).toThrow(/^the job may come to 600006 receipts/);
  checkBillable({ ...train(rounds + 1), budgetNano: "0" });
  const run: RunJob = {
    ...{ ...any, kind: "Run", module: cid, arguments: [], inputs: [], verify: "always" },
    ...{ pieces: LIMITS.piecesMax, limits: { memoryBytes: 1, outputBytes: 1, secondsPerPiece: 1 } },
  };
  checkBillable(run);
  // As it is written, with the most units that a round can have.
  const receipt = { receipt: cid, units: 2 * LIMITS.piecesMax };
  const document: BillDocument = { kind: "pingo/bill/v1", job: cid, receipts: [receipt] };
  const oneBytes = JSON.stringify(receipt).length + 1;
  expect(JSON.stringify(document).length + BILL_RECEIPTS_MAX * oneBytes).toBeLessThan(BILL_BYTES_MAX);
});
