import fc from "fast-check";
import { expect, test } from "vitest";
import { auditRate, TRUSTED_PASSES } from "./audit-rate.ts";

const arbRate = fc.double({ min: 0, max: 1, noNaN: true });

test("a tenth at first, one in n after that, and never less than the station's own minimum", () => {
  expect(auditRate({ passed: 0, wasRefuted: false }, 0.02)).toBe(0.1);
  expect(auditRate({ passed: 10, wasRefuted: false }, 0.02)).toBe(0.05);
  expect(auditRate({ passed: 1e6, wasRefuted: false }, 0.02)).toBe(0.02);
  expect(auditRate({ passed: 0, wasRefuted: false }, 1)).toBe(1);
});

test("the rate never grows with what came out the same, and stays a share that the minimum bounds", () => {
  fc.assert(
    fc.property(fc.nat(), fc.boolean(), arbRate, (passed, wasRefuted, rateMin) => {
      const rate = auditRate({ passed, wasRefuted }, rateMin);
      expect(rate).toBeGreaterThanOrEqual(rateMin);
      expect(rate).toBeLessThanOrEqual(1);
      expect(auditRate({ passed: passed + 1, wasRefuted }, rateMin)).toBeLessThanOrEqual(rate);
    }),
  );
});

test("whoever was caught is looked at in everything until it has passed as often as a newcomer has to", () => {
  fc.assert(
    fc.property(fc.nat({ max: 100 }), arbRate, (passed, rateMin) => {
      const caught = auditRate({ passed, wasRefuted: true }, rateMin);
      const never = auditRate({ passed, wasRefuted: false }, rateMin);
      expect(caught).toBe(passed < TRUSTED_PASSES ? 1 : never);
    }),
  );
});
