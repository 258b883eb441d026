import type { Disk } from "@pingo/core";
import { createMemoryDisk, createRecordedLog, type MemoryDisk, silentLog } from "@pingo/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openFileOutbox } from "./file-outbox.ts";
import { codeOf, leaseOf, outboxCompliance, resultOf } from "./testing/outbox-compliance.ts";

const FOLDER = "/outbox";

outboxCompliance("a file outbox", async () => {
  const disk = createMemoryDisk();
  return {
    open: (slotsKept) =>
      openFileOutbox({ folder: FOLDER, disk, log: silentLog, ...(slotsKept !== undefined && { slotsKept }) }),
    [Symbol.asyncDispose]: async () => undefined,
  };
});

/** Ends after so many changes, the last of them done or not; nothing is changed after that. */
function dyingDisk(disk: MemoryDisk, changes: number, isLastDone: boolean): Disk {
  let left = changes;
  const change = async (act: () => Promise<void>): Promise<void> => {
    left -= 1;
    if (left > 0 || (left === 0 && isLastDone)) await act();
    if (left <= 0) throw new Error("killed");
  };
  return {
    ...disk,
    write: (path, bytes) => change(() => disk.write(path, bytes)),
    remove: (path) => change(() => disk.remove(path)),
  };
}

test("killed after any change, done or half done, it never lets two commitments of one slot leave", async () => {
  const lives = fc.array(
    fc.record({
      changes: fc.nat(12),
      isLastDone: fc.boolean(),
      answers: fc.array(fc.nat(2), { maxLength: 8 }),
    }),
    { minLength: 2, maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(lives, async (drawn) => {
      const disk = createMemoryDisk();
      /** What a fog node may have seen by then. */
      const left = new Map<string, string>();
      for (const { changes, isLastDone, answers } of drawn) {
        try {
          const options = { folder: FOLDER, disk: dyingDisk(disk, changes + 1, isLastDone), log: silentLog };
          const outbox = await openFileOutbox({ ...options, slotsKept: 3 });
          for (const [number, answer] of answers.entries()) {
            await codeOf(async () => outbox.put(resultOf(leaseOf(number), answer)));
            for (const { receipt, statement } of outbox.waiting(100)) {
              const { lease } = receipt.body;
              const commitment = String(statement?.commitment);
              expect(left.get(lease) ?? commitment).toBe(commitment);
              left.set(lease, commitment);
              await outbox.remove(lease);
            }
          }
        } catch (error) {
          expect(error).toMatchObject({ message: "killed" });
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("an update goes with its result, and one whose result was never signed goes at the next start", async () => {
  const disk = createMemoryDisk();
  const [kept, stray] = [leaseOf(1), leaseOf(2)];
  const first = await openFileOutbox({ folder: FOLDER, disk, log: silentLog });
  const cid = await first.updateOf(kept.id).put(Uint8Array.of(7));
  await first.put(resultOf(kept));
  await first.updateOf(stray.id).put(Uint8Array.of(8));
  const second = await openFileOutbox({ folder: FOLDER, disk, log: silentLog });
  expect(await second.updateOf(kept.id).get(cid)).toEqual(Uint8Array.of(7));
  expect([...disk.files.keys()].filter((path) => path.includes(stray.id))).toEqual([]);
  await second.remove(kept.id);
  expect([...disk.files.keys()].filter((path) => !path.startsWith(`${FOLDER}/slots/`))).toEqual([]);
});

test("results leave oldest first; one that was altered on the way is told and let go of", async () => {
  const disk = createMemoryDisk();
  const first = await openFileOutbox({ folder: FOLDER, disk, log: silentLog });
  for (const number of [3, 1, 2]) await first.put(resultOf(leaseOf(number)));
  await disk.write(`${FOLDER}/results/${leaseOf(2).id}`, Uint8Array.of(0xff));
  const log = createRecordedLog();
  const second = await openFileOutbox({ folder: FOLDER, disk, log });
  expect(second.waiting(9)).toEqual([resultOf(leaseOf(1)), resultOf(leaseOf(3))]);
  expect(log.entries.map(({ event }) => event)).toEqual(["result_unreadable"]);
});

test("who cannot read what it signed does not sign again", async () => {
  const disk = createMemoryDisk();
  const first = await openFileOutbox({ folder: FOLDER, disk, log: silentLog });
  await first.put(resultOf(leaseOf(1)));
  const [path = ""] = [...disk.files.keys()].filter((name) => name.startsWith(`${FOLDER}/slots/`));
  disk.corrupt(path, 0);
  await expect(openFileOutbox({ folder: FOLDER, disk, log: silentLog })).rejects.toMatchObject({
    code: expect.stringMatching(/^(SHAPE_INVALID|VALUE_)/),
  });
});
