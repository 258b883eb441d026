import { PROFILES } from "@pingo/scheduler";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Day, drawDay, STEP_MS } from "./day.ts";
import { boincRule, harvestOf, pingoRule } from "./harvest.ts";

const HOUR_STEPS = 3_600_000 / STEP_MS;

const flat = (millicores: number, steps = HOUR_STEPS): Day => ({
  machineMillicores: 2_000,
  loadMillicores: new Float32Array(steps).fill(millicores),
  inputIdleMs: Float64Array.from({ length: steps }, (_, i) => 3_600_000 + i * STEP_MS),
});

test("a day is the same for everyone who draws it, and within the machine", () => {
  const [one, other] = [drawDay(7, 4), drawDay(7, 4)];
  expect(one.loadMillicores).toEqual(other.loadMillicores);
  expect(one.loadMillicores).toHaveLength((24 * 3_600_000) / STEP_MS);
  expect(one.loadMillicores.every((load) => load > 0 && load <= 4_000)).toBe(true);
  expect(one.loadMillicores).not.toEqual(drawDay(8, 4).loadMillicores);
});

test("whatever the load, no rule harvests more than the owner leaves", () => {
  const arbDay = fc
    .array(fc.record({ load: fc.nat(2_000), steps: fc.integer({ min: 1, max: 200 }) }), {
      minLength: 1,
      maxLength: 20,
    })
    .map((parts): Day => {
      const loads = parts.flatMap(({ load, steps }) => Array<number>(steps).fill(load));
      return { ...flat(0, loads.length), loadMillicores: Float32Array.from([...loads, 0]) };
    });
  fc.assert(
    fc.property(arbDay, (day) => {
      for (const rule of [pingoRule(day, PROFILES.gentle), boincRule(day)]) {
        const { ofIdle, ofAllowed } = harvestOf(day, rule);
        expect(ofIdle).toBeGreaterThanOrEqual(0);
        expect(ofIdle).toBeLessThanOrEqual(ofAllowed);
        expect(ofAllowed).toBeLessThanOrEqual(1 + 1e-9);
      }
    }),
  );
});

test("of an idle hour nearly all is harvested, of a busy one nothing", () => {
  const idle = flat(20);
  expect(harvestOf(idle, pingoRule(idle, PROFILES.gentle)).ofIdle).toBeGreaterThan(0.99);
  const busy = flat(1_900);
  const ours = harvestOf(busy, pingoRule(busy, PROFILES.gentle));
  expect([ours.ofIdle, ours.contended]).toEqual([0, 0]);
});

test("BOINC's rule leaves a build the cores only with its next sample, and stays away for two", () => {
  const steps = HOUR_STEPS;
  const day = flat(0, steps);
  const second = 1_000 / STEP_MS;
  day.loadMillicores.fill(2_000, 61 * second, 71 * second);
  const rule = boincRule(day);
  const lent = Array.from({ length: steps }, (_, step) => rule(step).lentCores);
  expect(lent.indexOf(0)).toBe(70 * second);
  expect(lent.indexOf(2, 70 * second)).toBe(90 * second);
});
