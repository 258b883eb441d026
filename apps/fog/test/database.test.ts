import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cidOfValue, keyPairOfSeed, type NumberedEvent } from "@pingo/core";
import { getTableName, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { type Database, openDatabase } from "../src/database/database.ts";
import { appendEvent, listEvents } from "../src/database/event-store.ts";
import { findJob, insertJob, listUnfinishedJobs, updateJob } from "../src/database/job-store.ts";
import {
  accounts,
  entries,
  escrows,
  events,
  jobs,
  leases,
  payouts,
  providers,
  results,
  rounds,
  transfers,
  units,
} from "../src/database/schema.ts";
import { hasPostgres, startPostgres } from "./postgres.ts";

const id = cidOfValue("a job");
const row = {
  id,
  owner: keyPairOfSeed(new Uint8Array(32).fill(1)).nodeId,
  name: "tiny",
  envelope: Uint8Array.of(1, 2, 3),
  state: "queued" as const,
  program: id,
  rounds: 2,
  createdUnixMs: 1,
};

async function check(open: () => Promise<Database>, inUse: string): Promise<void> {
  {
    await using database = await open();
    expect(await insertJob(database.sql, row)).toBe(true);
    expect(await insertJob(database.sql, row)).toBe(false);
    const first = await appendEvent(database.sql, id, 5, { type: "accepted", name: "tiny", rounds: 2 });
    expect(first.sequence).toBe(1);
    await expect(open()).rejects.toMatchObject({ code: inUse });
    const failing = database.sql.transaction(async (tx) => {
      await updateJob(tx, id, { state: "running" });
      throw new RangeError("on purpose");
    });
    await expect(failing).rejects.toThrow(RangeError);
    for (const table of [
      jobs,
      rounds,
      units,
      leases,
      results,
      events,
      providers,
      accounts,
      transfers,
      entries,
      escrows,
      payouts,
    ]) {
      await database.sql.select().from(table);
      expect(
        await database.sql.execute(sql.raw(`select count(*) from ${getTableName(table)}`)),
      ).toBeDefined();
    }
  }
  await using again = await open();
  expect(await findJob(again.sql, id)).toMatchObject({ ...row, bytesUp: 0 });
  expect((await listUnfinishedJobs(again.sql)).map((job) => job.id)).toEqual([id]);
  const second: NumberedEvent = await appendEvent(again.sql, id, 6, { type: "waiting", reason: "none" });
  expect(second.sequence).toBe(2);
  expect(await listEvents(again.sql, id, 1)).toEqual([second]);
  await again.run("insert into migrations values (999)");
  await again[Symbol.asyncDispose]();
  // What a newer PinGo wrote is refused, twice: the first refusal gave the database free again.
  for (let i = 0; i < 2; i++) {
    await expect(open()).rejects.toMatchObject({ code: "DATABASE_NEWER", fault: { found: 999 } });
  }
}

test("PGlite keeps what was committed, for one process at a time", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pingo-fog-db-"));
  await check(() => openDatabase({ folder, url: undefined }), "FOLDER_IN_USE");
  await rm(folder, { recursive: true });
});

test.skipIf(!hasPostgres)("PostgreSQL does the same (skipped without PostgreSQL 15 and root)", async () => {
  await using postgres = await startPostgres();
  const { folder, url } = postgres;
  await check(() => openDatabase({ folder, url }), "DATABASE_IN_USE");
});

test("a database that is not there is named without its password", async () => {
  const opening = openDatabase({ folder: tmpdir(), url: "postgres://u:secret@127.0.0.1:1/x" });
  await expect(opening).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" });
  await expect(opening).rejects.not.toThrow("secret");
});
