import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaultError, keyPairOfSeed, type NodeId } from "@pingo/core";
import { createTestClock, silentLog, type TestClock } from "@pingo/core/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Database, openDatabase } from "../database/database.ts";
import { CHAIN_DOWN_MS_MAX, INVALID_MS, Stakes, VALID_MS } from "./stakes.ts";

const node = (byte: number): NodeId => keyPairOfSeed(new Uint8Array(32).fill(byte)).nodeId;
const [staked, other] = [node(1), node(2)];

class Down extends FaultError<{ readonly code: "CHAIN_UNREACHABLE" }> {
  constructor() {
    super({ code: "CHAIN_UNREACHABLE" }, { CHAIN_UNREACHABLE: () => "no chain answers" });
  }
}

let folder = "";
let database: Database;
let clock: TestClock;
let chain: ReadonlySet<NodeId> | "down";
let changes = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-stakes-"));
  database = await openDatabase({ folder, url: undefined });
});
beforeEach(async () => {
  await database.run("delete from stakes");
  clock = createTestClock();
  chain = new Set([staked]);
  changes = 0;
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function open(): Promise<Stakes> {
  return Stakes.open({
    chain: {
      async isStaked(id) {
        if (chain === "down") throw new Down();
        return chain.has(id);
      },
    },
    sql: database.sql,
    clock,
    log: silentLog,
    present: () => [staked, other],
    onChange: () => {
      changes += 1;
    },
    ending: new AbortController(),
  });
}

/** Time passes while nothing else happens: the database answers in its own. */
async function until(isSo: () => boolean, ms: number): Promise<void> {
  await clock.advance(ms);
  while (!isSo()) {
    if (clock.sleepers > 0) await clock.advance(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("who is registered is given work, who is not yet is asked of again soon, who no longer is within a minute", async () => {
  await using stakes = await open();
  expect([stakes.allows(staked), stakes.allows(other)]).toEqual([false, false]);
  await until(() => stakes.allows(staked), 500);
  expect(stakes.allows(other)).toBe(false);
  chain = new Set([staked, other]);
  await until(() => stakes.allows(other), INVALID_MS);
  chain = new Set([other]);
  await until(() => !stakes.allows(staked), VALID_MS);
  expect(stakes.allows(other)).toBe(true);
  expect(changes).toBeGreaterThanOrEqual(3);
});

test("when the chain does not answer whoever had a stake keeps it for a day, through a restart too; others get none", async () => {
  {
    await using stakes = await open();
    await until(() => stakes.allows(staked), 500);
  }
  chain = "down";
  {
    await using stakes = await open();
    expect([stakes.allows(staked), stakes.allows(other)]).toEqual([true, false]);
    await clock.advance(VALID_MS * 2);
    expect([stakes.allows(staked), stakes.allows(other)]).toEqual([true, false]);
  }
  clock = createTestClock(clock.nowUnixMs() + CHAIN_DOWN_MS_MAX);
  await using stakes = await open();
  expect(stakes.allows(staked)).toBe(false);
  chain = new Set([staked]);
  await until(() => stakes.allows(staked), 500);
});
