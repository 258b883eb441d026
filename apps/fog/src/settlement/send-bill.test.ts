/** A bill between a station that looks again and again, a chain that shows late what it took, and a verdict that falls between. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertDefined, equalBytes, parseShape, zBillDocument } from "@pingo/core";
import { silentLog } from "@pingo/core/testing";
import { evidenceOfReceipts, objectionTo, openWorks } from "@pingo/scheduler";
import { readFile } from "@pingo/storage";
import { ToncenterError } from "@pingo/ton";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FOG, OWNERS, type PaidJob, PaidWorld, PROVIDERS } from "../books/testing/paid-world.ts";
import { type Database, openDatabase } from "../database/database.ts";
import { FogError } from "../fault.ts";
import { Settlement } from "./settlement.ts";
import type { SettlementChain } from "./settlement-chain.ts";
import { findEscrow } from "./settlement-store.ts";

let folder = "";
let database: Database;
let world: PaidWorld;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-send-bill-"));
  database = await openDatabase({ folder, url: undefined });
  world = new PaidWorld(database.sql);
  await world.link();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

interface Sent {
  readonly amountNano: bigint;
  readonly evidence: Uint8Array;
}

/**
 * What becomes of a bill that is sent: the chain takes it, and shows so at once or after some looks; takes it and tells nobody; loses it; or there is no
 * GRAM to send it with.
 */
type Fate = "taken" | "taken late" | "taken unseen" | "lost" | "no gram";

class SlowChain {
  readonly sent: Sent[] = [];
  /** The first that arrived. */
  taken: Sent | undefined;
  isShown = false;
  reads = 0;
  readonly chain: SettlementChain;

  constructor(fates: Fate[]) {
    this.chain = {
      ...world.chain,
      read: async (place) => {
        this.reads += 1;
        const seen = assertDefined(await world.chain.read(place), "it was admitted");
        if (this.taken === undefined || !this.isShown) return seen;
        return { ...seen, phase: "billed", evidence: BigInt(`0x${hexOf(this.taken.evidence)}`) };
      },
      bill: async (_, amountNano, evidence) => {
        const fate = fates.shift() ?? "taken";
        if (fate === "no gram") throw new FogError({ code: "WALLET_EMPTY", address: "EQ" });
        const bill = { amountNano, evidence };
        this.sent.push(bill);
        if (fate !== "lost") this.taken ??= bill;
        if (fate === "taken") this.isShown = true;
        if (fate === "taken unseen" || fate === "lost")
          throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what: "an order", seconds: 120 });
      },
    };
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** As the user's program does it. */
async function objectionOf(job: PaidJob, { amountNano, evidence }: Sent) {
  const row = assertDefined(await findEscrow(database.sql, job.id), "it has an escrow");
  const list = await readFile(world.blocks, assertDefined(row.bill, "it is listed"), { sizeBytesMax: 1e6 });
  const shown = parseShape(zBillDocument, JSON.parse(new TextDecoder().decode(list)), "the list");
  const opened = await openWorks(job.id, shown.receipts, (cid) => world.blocks.get(cid));
  return objectionTo({ amountNano, evidence }, shown.receipts, opened);
}

async function finishedJob(): Promise<PaidJob> {
  const job = await world.admit(OWNERS[0], 3_000_000n, PROVIDERS.length);
  for (const [piece, key] of PROVIDERS.entries()) await world.deliver(job, piece, key);
  await world.finish(job);
  return job;
}

/** Looks of a station that has just this to settle. */
async function looks(slow: SlowChain, times: number, laterMs = 0): Promise<void> {
  const { sql, blocks, clock } = world;
  await clock.advance(laterMs);
  await using _ = new Settlement({
    ...{ chain: slow.chain, fog: FOG.nodeId, sql, blocks, clock, log: silentLog },
    ...{ ending: new AbortController(), onFunded: () => undefined, stop: async () => undefined },
  });
  for (const until = slow.reads + times; slow.reads < until; ) {
    await clock.advance(1_000);
    await sql.execute("select 1");
  }
}

const arbFates = fc.array(fc.constantFrom<Fate>("taken", "taken late", "taken unseen", "lost", "no gram"), {
  maxLength: 3,
});

test("the list that is shown is that of the bill on chain, whatever is refuted meanwhile and however the bill goes", async () => {
  await fc.assert(
    fc.asyncProperty(arbFates, fc.nat({ max: PROVIDERS.length - 1 }), async (fates, piece) => {
      const job = await finishedJob();
      const slow = new SlowChain([...fates]);
      await looks(slow, 1);
      await world.refute(assertDefined(job.leases.get(piece), "it was delivered"));
      await looks(slow, 1);
      // Whatever was lost is void by now, and sent again.
      for (let i = 0; i < fates.length + 1; i++) await looks(slow, 1, 121_000);
      const taken = assertDefined(slow.taken, "it arrives at last");
      expect(await objectionOf(job, taken)).toBeUndefined();
      for (const { amountNano, evidence } of slow.sent)
        expect([amountNano, equalBytes(evidence, taken.evidence)]).toEqual([taken.amountNano, true]);
      slow.isShown = true;
      await looks(slow, 1);
      expect((await findEscrow(database.sql, job.id))?.state).toBe("billed");
      await world.bill(job);
      await world.close(job);
    }),
    // A run that fails leaves its job to the next: a smaller one would say nothing.
    { numRuns: 6, endOnFailure: true },
  );
});

test("a bill that the chain does not show yet is sent once, and what was refuted since is not in a second one", async () => {
  const job = await finishedJob();
  const slow = new SlowChain(["taken late"]);
  await looks(slow, 1);
  await world.refute(assertDefined(job.leases.get(1), "it was delivered"));
  await looks(slow, 3);
  expect(slow.sent).toHaveLength(1);
  const [sent] = slow.sent;
  expect(await objectionOf(job, assertDefined(sent, "it was sent"))).toBeUndefined();
  slow.isShown = true;
  await looks(slow, 1);
  await world.bill(job);
  await world.close(job);
});

test("while there is no GRAM to send a bill with, nothing of it is written again; then it goes at the next look", async () => {
  const job = await finishedJob();
  const slow = new SlowChain(["no gram", "no gram", "no gram"]);
  await looks(slow, 1);
  const { put } = world.blocks;
  let written = 0;
  world.blocks.put = (...block) => {
    written += 1;
    return put.apply(world.blocks, block);
  };
  await looks(slow, 3);
  expect([written, slow.sent.length]).toEqual([0, 1]);
  world.blocks.put = put;
  const [sent] = slow.sent;
  expect(evidenceOfReceipts([])).not.toEqual(sent?.evidence);
  expect(await objectionOf(job, assertDefined(sent, "it was sent"))).toBeUndefined();
});
