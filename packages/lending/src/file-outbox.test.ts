import { cidOfBytes, keyPairOfSeed, leaseIdOf, RECEIPT_DOMAIN, signValue } from "@pingo/core";
import { createMemoryDisk, createRecordedLog, silentLog } from "@pingo/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openFileOutbox } from "./file-outbox.ts";

const KEY = keyPairOfSeed(new Uint8Array(32).fill(5));
const FOLDER = "/outbox";

function receiptOf(number: number) {
  const cid = cidOfBytes(Uint8Array.of(number));
  const body = {
    ...{ lease: leaseIdOf(new Uint8Array(26).fill(number)), unit: cid, provider: KEY.nodeId, update: cid },
    ...{ steps: 1, rows: 1, cpuMs: 1, lossMean: 0.5, startedAtUnixMs: 1, endedAtUnixMs: 1_000 + number },
  };
  return signValue(RECEIPT_DOMAIN, body, KEY);
}

test("what was put and not removed is there after every new start, oldest first", async () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("put", "remove", "reopen"), fc.nat(9)), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(steps, async (drawn) => {
      const disk = createMemoryDisk();
      let outbox = await openFileOutbox({ folder: FOLDER, disk, log: silentLog });
      const expected = new Set<number>();
      for (const [what, number] of drawn) {
        const receipt = receiptOf(number);
        if (what === "put") {
          await outbox.put(receipt);
          expected.add(number);
        } else if (what === "remove") {
          await outbox.remove(receipt.body.lease);
          expected.delete(number);
        } else outbox = await openFileOutbox({ folder: FOLDER, disk, log: silentLog });
        expect(new Set(outbox.leases())).toEqual(new Set([...expected].map((n) => receiptOf(n).body.lease)));
      }
      outbox = await openFileOutbox({ folder: FOLDER, disk, log: silentLog });
      const sorted = [...expected].sort((a, b) => a - b);
      expect(outbox.waiting(100)).toEqual(sorted.map(receiptOf));
    }),
    { numRuns: 60 },
  );
});

test("an update goes with its receipt, and one whose receipt was never signed goes at the next start", async () => {
  const disk = createMemoryDisk();
  const [kept, stray] = [receiptOf(1), receiptOf(2)];
  const first = await openFileOutbox({ folder: FOLDER, disk, log: silentLog });
  const cid = await first.updateOf(kept.body.lease).put(Uint8Array.of(7));
  await first.put(kept);
  await first.updateOf(stray.body.lease).put(Uint8Array.of(8));
  const second = await openFileOutbox({ folder: FOLDER, disk, log: silentLog });
  expect(await second.updateOf(kept.body.lease).get(cid)).toEqual(Uint8Array.of(7));
  expect([...disk.files.keys()].filter((path) => path.includes(stray.body.lease))).toEqual([]);
  await second.remove(kept.body.lease);
  expect(disk.files.size).toBe(0);
});

test("a receipt that was altered on the way is told and let go of, the others stay", async () => {
  const disk = createMemoryDisk();
  const first = await openFileOutbox({ folder: FOLDER, disk, log: silentLog });
  await first.put(receiptOf(1));
  await first.put(receiptOf(2));
  await disk.write(`${FOLDER}/receipts/${receiptOf(2).body.lease}`, Uint8Array.of(0xff));
  const log = createRecordedLog();
  const second = await openFileOutbox({ folder: FOLDER, disk, log });
  expect(second.waiting(9)).toEqual([receiptOf(1)]);
  expect(log.entries.map(({ event }) => event)).toEqual(["result_unreadable"]);
});
