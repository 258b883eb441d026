import { cidOfBytes, keyPairOfSeed, type Lease, leaseIdOf, type RunUnit } from "@pingo/core";
import { createMemoryDisk, createRecordedLog, createTestClock } from "@pingo/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openFileOutbox } from "./file-outbox.ts";
import { LeaseRunner, type Slot } from "./lease-runner.ts";
import { createMemoryCache } from "./memory-cache.ts";

const KEY = keyPairOfSeed(new Uint8Array(32).fill(2));
const MIB = 2 ** 20;
const CID = cidOfBytes(new Uint8Array());

function createSlot(): Slot {
  const nothing = () => undefined;
  return {
    ...{ isBroken: false, isVacated: false, isBusy: false, worker: undefined },
    ...{ warmUp: nothing, warm: async () => undefined, vacate: nothing, recall: nothing },
  };
}

function pieceOf(at: number, limits: { readonly memoryBytes: number; readonly outputBytes: number }): Lease {
  const unit: RunUnit = {
    ...{ kind: "Run", job: CID, round: 1, index: at, name: "piece", piece: at, pieces: 1_000, module: CID },
    ...{ arguments: [], input: null, seed: 1, steps: 1, deadlineMs: 60_000 },
    limits: { ...limits, secondsPerPiece: 1 },
  };
  const id = leaseIdOf(new Uint8Array(26).fill(at));
  return { id, attempt: 1, provider: KEY.nodeId, unit, issuedAtUnixMs: 1, ttlMs: 60_000, registry: null };
}

/** Lends so much; its pieces wait for blocks that never come. */
async function createRunner(slots: number, memoryBytesMax: () => number) {
  const log = createRecordedLog();
  const cache = createMemoryCache(MIB);
  const runner = new LeaseRunner({
    ...{
      key: KEY,
      slots: Array.from({ length: slots }, createSlot),
      size: slots,
      kinds: ["Run"],
      cache,
      log,
    },
    ...{ blocks: { ...cache, get: () => new Promise<never>(() => undefined) }, clock: createTestClock() },
    outbox: await openFileOutbox({ folder: "/outbox", disk: createMemoryDisk(), log }),
    ...{ shardBytesMax: () => MIB, memoryBytesMax },
    run: () => Promise.reject(new Error("no unit comes so far")),
    ...{ onResult: () => undefined, onRelease: () => undefined },
  });
  return { runner, log };
}

test("work over what is lent is refused, and the owner can see who asked for what", async () => {
  const { runner, log } = await createRunner(2, () => 256 * MIB);
  const asked = pieceOf(1, { memoryBytes: 4_096 * MIB, outputBytes: 0 });
  expect(() => runner.take(asked)).toThrow(
    /memory and output of the lease take 4.* this provider offers 256/,
  );
  expect(runner.refused).toMatchObject({ code: "LEASE_TOO_LARGE", count: 1 });
  expect(log.entries.some(({ event }) => event === "lease_refused")).toBe(true);
  const written = pieceOf(2, { memoryBytes: 200 * MIB, outputBytes: 57 * MIB });
  expect(() => runner.take(written)).toThrow(/LEASE_TOO_LARGE|take 257/);
  runner.take(pieceOf(3, { memoryBytes: 200 * MIB, outputBytes: 56 * MIB }));
  expect(runner.running()).toHaveLength(1);
});

test("whatever is asked, what was taken fits together into what is lent", async () => {
  const arbPiece = fc.record({
    memoryBytes: fc.integer({ min: 1, max: 300 }),
    outputBytes: fc.integer({ min: 0, max: 100 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(arbPiece, { maxLength: 20 }), fc.nat(600), async (pieces, lentBytes) => {
      const { runner } = await createRunner(pieces.length, () => lentBytes);
      let takenBytes = 0;
      for (const [i, piece] of pieces.entries()) {
        const bytes = piece.memoryBytes + piece.outputBytes;
        if (takenBytes + bytes > lentBytes) {
          expect(() => runner.take(pieceOf(i, piece))).toThrow();
        } else {
          runner.take(pieceOf(i, piece));
          takenBytes += bytes;
        }
      }
      runner.close();
    }),
  );
});
