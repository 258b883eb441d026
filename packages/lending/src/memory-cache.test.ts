import type { Cid } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryCache } from "./memory-cache.ts";

const QUOTA = 100;
const blockOf = (number: number, size: number): Uint8Array => new Uint8Array(size).fill(number);

test("it never holds more than its quota, and what a unit holds stays until it is over", async () => {
  const steps = fc.array(
    fc.record({
      what: fc.constantFrom("put", "get", "hold", "release"),
      number: fc.nat(20),
      size: fc.integer({ min: 1, max: 60 }),
    }),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (drawn) => {
      const cache = createMemoryCache(QUOTA);
      let hold: Disposable | undefined;
      const held = new Set<Cid>();
      for (const { what, number, size } of drawn) {
        if (what === "hold") hold ??= cache.hold();
        if (what === "release") {
          hold?.[Symbol.dispose]();
          hold = undefined;
          held.clear();
        }
        if (what === "put") {
          const cid = await cache.put(blockOf(number, size)).catch((error: { code: string }) => error.code);
          // Refused only where held blocks are in the way.
          if (cid === "QUOTA_EXCEEDED") expect(hold).toBeDefined();
          else if (hold) held.add(cid as Cid); // SAFETY: a put answers a cid, or throws.
        }
        expect(cache.usedBytes).toBeLessThanOrEqual(QUOTA);
        for (const cid of held) expect(await cache.has(cid)).toBe(true);
      }
    }),
  );
});

test("what was asked for last stays longest", async () => {
  const cache = createMemoryCache(QUOTA);
  const [a, b] = [await cache.put(blockOf(1, 50)), await cache.put(blockOf(2, 50))];
  await cache.get(a);
  const c = await cache.put(blockOf(3, 50));
  expect([await cache.has(a), await cache.has(b), await cache.has(c)]).toEqual([true, false, true]);
  await expect(cache.get(b)).rejects.toMatchObject({ code: "BLOCK_NOT_FOUND" });
});
