import fc from "fast-check";
import { expect, test } from "vitest";
import { decide, OWNER_STATE_AT_START, type OwnerDecision } from "./decide.ts";
import { PROFILES } from "./profiles.ts";
import type { OwnerWish } from "./signals.ts";
import { calmSignals } from "./testing/calm-signals.ts";

const STEP_MS = 1_000;
const YEAR_MS = 365 * 86_400_000;
const START_UNIX_MS = 1_800_000_000_000;

/** Where the wall clock is moved, by how much, at each step. */
const jumps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    fc.integer({ min: -YEAR_MS, max: YEAR_MS }),
    fc.integer({ min: -7_200_000, max: 7_200_000 }),
  ),
  { minLength: 40, maxLength: 40 },
);

function replay(jumpsMs: readonly number[], wish: OwnerWish): readonly OwnerDecision[] {
  let [state, aheadMs] = [OWNER_STATE_AT_START, 0];
  return jumpsMs.map((jumpMs, step) => {
    aheadMs += jumpMs;
    const monotonicMs = step * STEP_MS;
    const signals = calmSignals({ monotonicMs, nowUnixMs: START_UNIX_MS + monotonicMs + aheadMs });
    const decision = decide(signals, PROFILES.gentle, wish, state);
    state = decision.state;
    return decision;
  });
}

const isPaused = ({ reasons }: OwnerDecision) => reasons.some(({ code }) => code === "PAUSED");

test("what is lent does not hang on the wall clock, however it jumps", () => {
  const steady = replay(
    Array.from({ length: 40 }, () => 0),
    { kind: "none" },
  );
  fc.assert(
    fc.property(jumps, (jumpsMs) => {
      expect(replay(jumpsMs, { kind: "none" }).map(({ verdict }) => verdict)).toEqual(
        steady.map(({ verdict }) => verdict),
      );
    }),
  );
});

test("a pause lasts as long as was said, and never longer where the wall clock jumps", () => {
  fc.assert(
    fc.property(jumps, fc.integer({ min: 1, max: 30 }), (jumpsMs, seconds) => {
      const wish: OwnerWish = { kind: "paused", untilUnixMs: START_UNIX_MS + seconds * 1_000 };
      const steady = replay(
        jumpsMs.map(() => 0),
        wish,
      ).map(isPaused);
      expect(steady.filter(Boolean)).toHaveLength(seconds);
      const [, ...later] = jumpsMs;
      const jumping = replay([0, ...later], wish).map(isPaused);
      // A clock put forward by mistake and back again may end it and begin it anew; nothing makes it longer.
      expect(jumping.lastIndexOf(true)).toBeLessThan(seconds);
    }),
  );
});

test("the computer slept through a pause: it is over when it wakes", () => {
  const wish: OwnerWish = { kind: "paused", untilUnixMs: START_UNIX_MS + 7_200_000 };
  const slept = replay([0, 0, 7_200_000, 0], wish).map(isPaused);
  expect(slept).toEqual([true, true, false, false]);
});

test("a pause said anew counts anew, also after one that is over", () => {
  const past: OwnerWish = { kind: "paused", untilUnixMs: START_UNIX_MS - 1 };
  const [decision] = replay([0], past);
  expect(decision && isPaused(decision)).toBe(false);
  const again: OwnerWish = { kind: "paused", untilUnixMs: START_UNIX_MS + 60_000 };
  const signals = calmSignals({ monotonicMs: 1_000, nowUnixMs: START_UNIX_MS + 1_000 });
  const next = decide(signals, PROFILES.gentle, again, decision?.state ?? OWNER_STATE_AT_START);
  expect(next.reasons[0]).toEqual({ code: "PAUSED", leftMs: 59_000 });
});
