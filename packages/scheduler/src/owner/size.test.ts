import fc from "fast-check";
import { expect, test } from "vitest";
import { decide, OWNER_STATE_AT_START, type OwnerState } from "./decide.ts";
import { PROFILES } from "./profiles.ts";
import { ANY_SIZE, leastSize, type OwnerSize, zOwnerSize } from "./size.ts";
import { calmSignals } from "./testing/calm-signals.ts";

const arbLimit = fc.option(fc.integer({ min: 1, max: 1e9 }));
const arbSize: fc.Arbitrary<OwnerSize> = fc.record({
  millicores: arbLimit,
  memoryBytes: arbLimit,
  diskBytes: arbLimit,
});

test("two sizes hold together: the least of each, in any order", () => {
  fc.assert(
    fc.property(arbSize, arbSize, (a, b) => {
      expect(leastSize(a, b)).toEqual(leastSize(b, a));
      expect(leastSize(a, a)).toEqual(a);
      expect(leastSize(a, ANY_SIZE)).toEqual(a);
    }),
  );
});

/** After enough looks for every core that there is room for. */
function settled(size: OwnerSize, cores: number) {
  const policy = { ...PROFILES.dedicated, size };
  let state: OwnerState = OWNER_STATE_AT_START;
  for (let at = 0; ; at += 500) {
    const signals = calmSignals({ monotonicMs: at, machineMillicores: cores * 1_000 });
    const decision = decide(signals, policy, { kind: "none" }, state);
    if (at > 60_000) return decision;
    state = decision.state;
  }
}

test("no more is lent than the size says, to the tenth of a core, and the reasons say so", () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 8_000 }), fc.integer({ min: 1, max: 4 }), (millicores, cores) => {
      const { verdict, reasons } = settled({ ...ANY_SIZE, millicores }, cores);
      if (verdict.kind !== "run" && verdict.kind !== "throttle") return expect.fail(verdict.kind);
      expect(verdict.cores * verdict.duty * 1_000).toBeCloseTo(Math.min(millicores, cores * 1_000), 5);
      expect(reasons.some(({ code }) => code === "SIZED")).toBe(millicores < cores * 1_000);
    }),
    { numRuns: 50 },
  );
});

test("memory lent is no more than the size says", () => {
  const { verdict } = settled({ ...ANY_SIZE, memoryBytes: 2 ** 28 }, 2);
  expect(verdict).toMatchObject({ memoryBytes: 2 ** 28 });
});

test.each([{ millicores: 99 }, { millicores: 64_001 }, { memoryBytes: 1 }, { diskBytes: 1 }, { cores: 1 }])(
  "%o is no size",
  (wrong) => {
    expect(zOwnerSize.safeParse({ ...ANY_SIZE, ...wrong }).success).toBe(false);
  },
);
