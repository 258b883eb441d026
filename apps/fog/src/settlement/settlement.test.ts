import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cidOfValue, keyPairOfSeed } from "@pingo/core";
import { createTestClock, silentLog } from "@pingo/core/testing";
import { createMemoryBlocks } from "@pingo/storage/testing";
import { Address } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../database/database.ts";
import { insertJob, updateJob } from "../database/job-store.ts";
import { escrows } from "../database/schema.ts";
import { BILL_BEFORE_S, Settlement } from "./settlement.ts";
import type { SettlementChain } from "./settlement-chain.ts";
import { saveEscrow } from "./settlement-store.ts";

const job = cidOfValue("a long job");
const { nodeId: owner } = keyPairOfSeed(new Uint8Array(32).fill(1));
const address = `0:${"1".repeat(64)}`;
const DEADLINE_UNIX_S = 1_800_000_000;

let folder = "";
let database: Database;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-settlement-"));
  database = await openDatabase({ folder, url: undefined });
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

test("a job that outlives what its escrow pays for is stopped while there is time to bill it, and given no leases", async () => {
  const { sql } = database;
  const clock = createTestClock();
  const createdUnixMs = clock.nowUnixMs();
  await insertJob(sql, {
    ...{ id: job, owner, name: "long", envelope: Uint8Array.of(1), state: "running", program: job },
    ...{ rounds: 1, createdUnixMs, budgetNano: 5n },
  });
  await saveEscrow(sql, {
    ...{ job, address, userAddress: address, deadlineUnixS: DEADLINE_UNIX_S, state: "funded", createdUnixMs },
  });
  let nowUnixS = DEADLINE_UNIX_S - BILL_BEFORE_S - 1;
  const did: string[] = [];
  const purse = Address.parseRaw(address);
  const chain: SettlementChain = {
    ...{ purse, vaultWallets: new Set(), pingoWalletOf: () => purse, addressOf: () => address },
    nowUnixS: async () => nowUnixS,
    async read() {
      did.push("read");
      return {
        ...{ phase: "open", untilUnixS: DEADLINE_UNIX_S, depositedNano: 5n, billedNano: 0n },
        ...{ evidence: 0n, owedNano: 0n },
      };
    },
    async bill() {
      did.push("billed");
    },
    async finish() {
      did.push("finished");
    },
    async pay() {},
    moves: async () => [],
  };
  await using settlement = new Settlement({
    ...{ chain, fog: owner, sql, clock, log: silentLog, ending: new AbortController() },
    blocks: createMemoryBlocks(),
    onFunded: () => undefined,
    async stop(id, reason) {
      did.push(`stopped: ${reason}`);
      await updateJob(sql, id, { state: "stopped", finishedUnixMs: clock.nowUnixMs() });
    },
  });
  const looks = async (): Promise<void> => {
    for (let i = 0; i < 30; i++) {
      await clock.advance(1_000);
      await sql.select().from(escrows);
    }
  };
  await looks();
  expect(did).toEqual([]);
  expect(settlement.isCovered(job)).toBe(true);
  nowUnixS += 1;
  await expect
    .poll(async () => {
      await looks();
      return did;
    })
    .toContain("billed");
  expect(did[0]).toMatch(/^stopped: its escrow pays for 13 days/);
  expect(did).not.toContain("finished");
});
