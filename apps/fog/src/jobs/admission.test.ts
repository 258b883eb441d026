import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cid, cidOfValue, type KeyPair, keyPairOfSeed } from "@pingo/core";
import { createTestClock } from "@pingo/core/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Database, openDatabase } from "../database/database.ts";
import { insertJob } from "../database/job-store.ts";
import { type EscrowRow, escrows } from "../database/schema.ts";
import {
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
