import fc from "fast-check";
import { expect, test } from "vitest";
import { decideTab, type TabPolicy, type TabSignals } from "./lend-decision.ts";

const arbSignals: fc.Arbitrary<TabSignals> = fc.record({
  isHidden: fc.boolean(),
  isOnBattery: fc.constantFrom(true, false, undefined),
});
const arbPolicy: fc.Arbitrary<TabPolicy> = fc.record({
  isPaused: fc.boolean(),
  stopsWhenHidden: fc.boolean(),
  needsMains: fc.boolean(),
  cores: fc.integer({ min: 1, max: 64 }),
});

test("a paused tab never lends, whatever else holds", () => {
  fc.assert(
    fc.property(arbSignals, arbPolicy, (signals, policy) => {
      expect(decideTab(signals, { ...policy, isPaused: true })).toMatchObject({
        lends: false,
        reason: "PAUSED",
      });
    }),
  );
});

test("out of sight stops only who chose it, and power only who asked for mains, known or not", () => {
  fc.assert(
    fc.property(arbSignals, arbPolicy, (signals, policy) => {
      const { lends } = decideTab(signals, { ...policy, isPaused: false });
      const isStopped =
        (policy.stopsWhenHidden && signals.isHidden) || (policy.needsMains && signals.isOnBattery !== false);
      expect(lends).toBe(!isStopped);
    }),
  );
});

test("asking for less never stops a tab that lends", () => {
  fc.assert(
    fc.property(arbSignals, arbPolicy, (signals, policy) => {
      if (!decideTab(signals, policy).lends) return;
      expect(decideTab(signals, { ...policy, stopsWhenHidden: false }).lends).toBe(true);
      expect(decideTab(signals, { ...policy, needsMains: false }).lends).toBe(true);
    }),
  );
});

test("every reason has a sentence that ends", () => {
  fc.assert(
    fc.property(arbSignals, arbPolicy, (signals, policy) => {
      expect(decideTab(signals, policy).sentence).toMatch(/^[A-Z].*\.$/);
    }),
  );
});
