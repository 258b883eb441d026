import fc from "fast-check";
import { expect, test } from "vitest";
import { availabilityAt, HOURS_PER_WEEK, hourOfWeek, type OfferTerms } from "./offer.ts";

const HOUR_MS = 3_600_000;

test("hours of the week count from Monday 00:00 of UTC, also before 1970", () => {
  expect(hourOfWeek(Date.UTC(2026, 10, 30, 0, 0))).toBe(0); // a Monday
  expect(hourOfWeek(Date.UTC(2026, 10, 29, 23, 59))).toBe(167);
  fc.assert(
    fc.property(fc.integer({ min: -1e12, max: 4e12 }), (unixMs) => {
      const date = new Date(unixMs);
      expect(hourOfWeek(unixMs)).toBe(((date.getUTCDay() + 6) % 7) * 24 + date.getUTCHours());
      expect(hourOfWeek(unixMs + HOURS_PER_WEEK * HOUR_MS)).toBe(hourOfWeek(unixMs));
    }),
  );
});

test("availability is that of the hour, and undefined while unknown", () => {
  const terms = (availability: readonly number[]): OfferTerms => ({
    ...{ memoryBytesPerSecond: 0, downBytesPerSecond: 0, upBytesPerSecond: 0, availability },
    ...{ reclaimNoticeMs: 0, priceNanoPerCpuHour: "0" },
  });
  const hours = Array.from({ length: HOURS_PER_WEEK }, (_, hour) => hour % 101);
  expect(availabilityAt(terms(hours), Date.UTC(2026, 10, 30, 5, 30))).toBe(5);
  expect(availabilityAt(terms([]), 0)).toBeUndefined();
  expect(availabilityAt(undefined, 0)).toBeUndefined();
});
