import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Guest } from "./guest.ts";
import { Quota } from "./quota.ts";
import { Folder, OutputFile } from "./tree.ts";

const guestOfTests = (): Guest =>
  new Guest({
    ...{ arguments: [], environment: {}, outputBytesMax: 0, seed: 1 },
    input: new Folder({ isReadOnly: true }),
  });

test("a file keeps its number, and no two have the same", () => {
  const guest = guestOfTests();
  const files = Array.from({ length: 3 }, () => new OutputFile(new Quota(0)));
  expect([...files, ...files].map((file) => guest.inodeOf(file))).toEqual([1n, 2n, 3n, 1n, 2n, 3n]);
});

test("a file that was looked at and removed takes no memory any more", async () => {
  const guest = guestOfTests();
  const seen = Array.from({ length: 1_000 }, () => {
    const file = new OutputFile(new Quota(0));
    guest.inodeOf(file);
    return new WeakRef(file);
  });
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  await new Promise((resolve) => setImmediate(resolve)); // what a WeakRef was made of stays until its task is over
  collect();
  expect(seen.filter((file) => file.deref() !== undefined).length).toBeLessThan(10);
});
