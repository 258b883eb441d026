import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decide,
  HOT_UNTOLD_MS,
  OWNER_STATE_AT_START,
  type OwnerDecision,
  type OwnerState,
  type Verdict,
} from "./decide.ts";
import { type OwnerReasonCode, sentenceOf } from "./owner-reasons.ts";
import type { OwnerPolicy } from "./policy.ts";
import { PROFILES } from "./profiles.ts";
import type { OwnerSignals, OwnerWish } from "./signals.ts";
import { calmSignals } from "./testing/calm-signals.ts";

const NONE: OwnerWish = { kind: "none" };
const STEP_MS = 50;
const GiB = 2 ** 30;
const gentle = PROFILES.gentle;

/** One decision each 50 ms, the clock moving on from where the signals say. */
function replay(
  moments: readonly Partial<OwnerSignals>[],
  policy: OwnerPolicy = gentle,
  wish: OwnerWish = NONE,
  from: OwnerState = OWNER_STATE_AT_START,
  atMs = 0,
): OwnerDecision[] {
  let state = from;
  return moments.map((moment, i) => {
    const decision = decide(calmSignals({ monotonicMs: atMs + i * STEP_MS, ...moment }), policy, wish, state);
    state = decision.state;
    return decision;
  });
}

const times = (count: number, moment: Partial<OwnerSignals> = {}) =>
  Array.from({ length: count }, () => moment);
const last = (decisions: readonly OwnerDecision[]) => decisions.at(-1) ?? expect.fail("no decision");
const coresOf = (verdict: Verdict) => ("cores" in verdict ? verdict.cores : 0);
const codesOf = ({ reasons }: OwnerDecision) => reasons.map(({ code }) => code);
/** After two calms of a quiet computer: all is lent. */
const lent = last(replay(times(40)));

describe("an idle computer", () => {
  test("lends core by core, each after a calm, until all that the policy lends is lent", () => {
    const cores = replay(times(40)).map(({ verdict }) => coresOf(verdict));
    expect(cores[0]).toBe(0);
    expect(new Set(cores)).toEqual(new Set([0, 1, 2]));
    expect(lent.verdict).toEqual({ kind: "run", cores: 2, duty: 1, memoryBytes: 4 * GiB });
    expect(codesOf(lent)).toEqual(["IDLE"]);
  });

  test("lends half of the cores, and less memory, while somebody is at it", () => {
    const { verdict, reasons } = last(replay(times(40, { inputIdleMs: 12_000 })));
    expect(verdict).toEqual({ kind: "throttle", cores: 1, duty: 1, memoryBytes: 2 * GiB });
    expect(reasons.map(sentenceOf)).toEqual(["you are at the computer: the last key was 12.0 s ago"]);
  });

  test("counts as in use where nothing says whether it is", () => {
    expect(codesOf(last(replay(times(40, { inputIdleMs: null }))))).toEqual(["INPUT_UNKNOWN"]);
  });

  test("lends a part of a core by the share of the time that it works", () => {
    const policy = { ...gentle, idle: { ...gentle.idle, coreShareMax: 0.25 } };
    expect(last(replay(times(40), policy)).verdict).toMatchObject({ kind: "run", cores: 1 });
    const both = { ...policy, idle: { ...policy.idle, coreShareMax: 0.75 }, inUse: policy.idle };
    const inUse = last(replay(times(40, { inputIdleMs: 0 }), both)).verdict;
    expect(inUse).toMatchObject({ kind: "throttle", cores: 1, duty: 0.5 });
  });
});

describe("the owner's own work", () => {
  const disturbed = (moments: readonly Partial<OwnerSignals>[], policy = gentle) =>
    replay(moments, policy, NONE, lent.state, 40 * STEP_MS);

  test("that wants one core gets it at the next look, and the other goes on", () => {
    const [first] = disturbed([{ foreignMillicores: 1_100 }]);
    expect(first?.verdict).toMatchObject({ kind: "throttle", cores: 1 });
    expect(codesOf(first ?? lent)).toEqual(["OWNER_BUSY", "IDLE"]);
  });

  test("that wants all stops everything at the next look", () => {
    const [first] = disturbed([{ foreignMillicores: 1_950 }]);
    expect(first?.verdict).toEqual({ kind: "suspend" });
    expect(first?.acceptsWork).toBe(false);
  });

  test("that is over within the grace changes nothing", () => {
    const patient = { ...gentle, graceMs: 1_000 };
    const spike = disturbed([...times(19, { foreignMillicores: 2_000 }), ...times(5)], patient);
    expect(new Set(spike.map(({ verdict }) => coresOf(verdict)))).toEqual(new Set([2]));
    const build = disturbed(times(22, { foreignMillicores: 2_000 }), patient);
    expect(coresOf(last(build).verdict)).toBe(0);
  });

  test("that keeps coming back is waited for longer and longer, up to the policy's limit, and forgiven in quiet", () => {
    let state = lent.state;
    let atMs = 10_000;
    const calms: number[] = [];
    for (let i = 0; i < 12; i++) {
      const burst = replay(times(2, { foreignMillicores: 2_000 }), gentle, NONE, state, atMs);
      const back: OwnerDecision[] = [];
      for (let at = atMs + 2 * STEP_MS, from = last(burst).state; ; at += STEP_MS) {
        back.push(...replay([{}], gentle, NONE, from, at));
        from = last(back).state;
        if (coresOf(last(back).verdict) > 0) break;
        if (back.length > 1_000) expect.fail("never lent again");
      }
      calms.push(back.length * STEP_MS);
      state = last(back).state;
      atMs += (2 + back.length) * STEP_MS;
    }
    expect(calms.toSorted((a, b) => a - b)).toEqual(calms);
    expect(calms.at(-1)).toBeLessThanOrEqual(gentle.calmMs.max + 2 * STEP_MS);
    expect(calms.at(-1)).toBeGreaterThan(gentle.calmMs.max / 2);
    const quiet = replay(times(20_000), gentle, NONE, state, atMs);
    expect(last(quiet).state.lent.calmMs).toBe(gentle.calmMs.min);
  });

  test("that goes on for ten minutes sends the work elsewhere", () => {
    const minutes = (count: number) => count * 60_000;
    const still = disturbed([{ foreignMillicores: 2_000 }])[0]?.state ?? lent.state;
    const at = (ms: number) =>
      last(replay([{ foreignMillicores: 2_000 }], gentle, NONE, still, 40 * STEP_MS + ms));
    expect(at(minutes(9)).verdict.kind).toBe("suspend");
    expect(at(minutes(10)).verdict.kind).toBe("vacate");
    expect(codesOf(at(minutes(10)))).toContain("SUSPENDED_LONG");
  });

  test("its memory comes first: where it runs short, ours is handed back", () => {
    const [tight] = disturbed([{ memoryAvailableBytes: 0.2 * GiB, ownMemoryBytes: 0.3 * GiB }]);
    expect(tight?.verdict.kind).toBe("vacate");
    expect(tight?.reasons[0]).toMatchObject({ code: "MEMORY_SHORT" });
    const [swapping] = disturbed([{ memoryStallShare: 0.2 }]);
    expect(swapping?.verdict.kind).toBe("vacate");
  });
});

describe("each of these stops all work, and says so", () => {
  const allowed = { ...gentle, battery: { isAllowed: true, chargeMin: 0.5 } };
  const night = { ...gentle, windows: [{ weekday: 0, fromMinute: 1_320, toMinute: 360 }] };
  test.each<[OwnerReasonCode, Verdict["kind"], Partial<OwnerSignals>, OwnerPolicy, OwnerWish]>([
    ["RECLAIMED", "vacate", { isReclaimed: true }, gentle, NONE],
    ["PAUSED", "suspend", {}, gentle, { kind: "paused", untilUnixMs: 1_800_000_060_000 }],
    ["PAUSED", "vacate", {}, gentle, { kind: "paused", untilUnixMs: 1_800_007_200_000 }],
    ["OUTSIDE_WINDOWS", "vacate", {}, night, NONE],
    ["ON_BATTERY", "suspend", { battery: { isCharging: false, charge: 1 } }, gentle, NONE],
    ["BATTERY_LOW", "suspend", { battery: { isCharging: false, charge: 0.4 } }, allowed, NONE],
    ["BATTERY_LOW", "suspend", { battery: { isCharging: false, charge: null } }, allowed, NONE],
    ["TOO_HOT", "suspend", { temperatureCelsius: 80 }, gentle, NONE],
    ["FULL_SCREEN", "suspend", { isFullScreen: true }, gentle, NONE],
    [
      "APPLICATION_RUNS",
      "suspend",
      { applications: new Set(["bash", "obs"]) },
      { ...gentle, applications: ["obs"] },
      NONE,
    ],
  ])("%s (%s)", (code, kind, change, policy, wish) => {
    const [decision] = replay([change], policy, wish, lent.state, 40 * STEP_MS);
    expect(decision?.verdict.kind).toBe(kind);
    expect(decision?.reasons[0]?.code).toBe(code);
    expect(decision?.acceptsWork).toBe(false);
  });

  test("a window over midnight holds on both of its days", () => {
    const at = (weekday: number, minute: number) =>
      last(replay(times(40, { local: { weekday, minute } }), night)).verdict.kind;
    expect([at(0, 1_321), at(1, 359)]).toEqual(["run", "run"]);
    expect([at(0, 1_319), at(1, 360), at(1, 1_321)]).toEqual(["vacate", "vacate", "vacate"]);
  });

  test("stopped by heat, it goes on only once it is cooler", () => {
    const hot = last(replay([{ temperatureCelsius: 81 }], gentle, NONE, lent.state, 0));
    const warm = replay(times(40, { temperatureCelsius: 75 }), gentle, NONE, hot.state, 0);
    expect(last(warm).verdict.kind).toBe("suspend");
    expect(last(replay(times(40, { temperatureCelsius: 69 }), gentle, NONE, hot.state, 0)).verdict.kind).toBe(
      "run",
    );
  });
});

test("a sensor that falls silent in the heat does not end the stop: only time does, or its next word", () => {
  const hot = last(replay([{ temperatureCelsius: 81 }], gentle, NONE, lent.state, 0)).state;
  const silentAt = (ms: number) => last(replay([{ temperatureCelsius: null }], gentle, NONE, hot, ms));
  expect(silentAt(HOT_UNTOLD_MS - 1).reasons[0]).toMatchObject({ code: "TOO_HOT", celsius: null });
  expect(sentenceOf(silentAt(1).reasons[0] ?? { code: "IDLE" })).toMatch(/fell silent/);
  expect(codesOf(silentAt(HOT_UNTOLD_MS))).not.toContain("TOO_HOT");
  expect(codesOf(last(replay([{ temperatureCelsius: 69 }], gentle, NONE, hot, 1)))).not.toContain("TOO_HOT");
  expect(codesOf(last(replay([{ temperatureCelsius: null }], gentle)))).not.toContain("TOO_HOT");
});

describe("a pause", () => {
  const beganUnixMs = 1_800_000_000_000;
  const forMs = 3_600_000;
  const wish: OwnerWish = { kind: "paused", untilUnixMs: beganUnixMs + forMs, forMs };
  const isPaused = (decision: OwnerDecision) => codesOf(decision).includes("PAUSED");

  test("lasts as long as was asked, however often the clock is set back", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 10 * forMs }), { maxLength: 5 }), (setBacksMs) => {
        const first = last(replay([{ nowUnixMs: beganUnixMs }], gentle, wish));
        let { state } = first;
        expect(isPaused(first)).toBe(true);
        for (const [i, backMs] of setBacksMs.entries()) {
          const moment = { nowUnixMs: beganUnixMs - backMs };
          const decision = last(replay([moment], gentle, wish, state, ((i + 1) * forMs) / 6));
          expect(isPaused(decision)).toBe(true);
          state = decision.state;
        }
        const over = last(replay([{ nowUnixMs: beganUnixMs - forMs }], gentle, wish, state, forMs));
        expect(isPaused(over)).toBe(false);
      }),
    );
  });

  test("read anew by an agent whose clock was set back a day, it lasts no longer than was asked", () => {
    const [read] = replay([{ nowUnixMs: beganUnixMs - 24 * forMs }], gentle, wish);
    expect(read?.reasons[0]).toEqual({ code: "PAUSED", leftMs: forMs });
  });

  test("is over by the wall's clock too, which goes on while the computer sleeps", () => {
    const { state } = last(replay([{ nowUnixMs: beganUnixMs }], gentle, wish));
    expect(isPaused(last(replay([{ nowUnixMs: beganUnixMs + forMs }], gentle, wish, state, 1)))).toBe(false);
  });
});

test("told to finish, it runs on and takes nothing new", () => {
  const [decision] = replay([{}], gentle, { kind: "finishing" }, lent.state, 40 * STEP_MS);
  expect(decision).toMatchObject({ verdict: { kind: "run" }, acceptsWork: false });
});

test("on a metered network it neither fetches nor takes work that would have to be fetched", () => {
  const [decision] = replay([{ isMetered: true }], gentle, NONE, lent.state, 40 * STEP_MS);
  expect(decision).toMatchObject({ verdict: { kind: "run" }, acceptsWork: false, allowsTransfers: false });
});

test("dear hours lend the share that the policy leaves", () => {
  const tariff = { cheap: [{ weekday: 0, fromMinute: 0, toMinute: 360 }], dearShare: 0.5 };
  const dear = last(replay(times(40), { ...gentle, tariff }));
  expect(dear.verdict).toMatchObject({ kind: "throttle", cores: 1 });
  expect(codesOf(dear)).toEqual(["POWER_DEAR", "IDLE"]);
});

describe("whatever the signals", () => {
  const arbShare = fc.double({ min: 0, max: 1, noNaN: true });
  const arbMoment = fc.record({
    inputIdleMs: fc.option(fc.integer({ min: 0, max: 10_000_000 })),
    foreignMillicores: fc.option(fc.integer({ min: 0, max: 9_000 })),
    machineMillicores: fc.constantFrom(500, 1_000, 1_500, 2_000, 4_000, 8_000),
    memoryAvailableBytes: fc.integer({ min: 0, max: 8 * GiB }),
    ownMemoryBytes: fc.integer({ min: 0, max: GiB }),
    battery: fc.option(fc.record({ isCharging: fc.boolean(), charge: arbShare })),
    temperatureCelsius: fc.option(fc.integer({ min: -20, max: 110 })),
    isFullScreen: fc.option(fc.boolean()),
    isMetered: fc.option(fc.boolean()),
    isReclaimed: fc.boolean(),
    local: fc.record({ weekday: fc.integer({ min: 0, max: 6 }), minute: fc.integer({ min: 0, max: 1_439 }) }),
  });
  const arbPolicy = fc.constantFrom(...Object.values(PROFILES));
  const arbMoments = fc.array(arbMoment, { minLength: 1, maxLength: 60 });

  test("never more is lent than the limits, and every decision has a reason with a sentence", () => {
    fc.assert(
      fc.property(arbMoments, arbPolicy, (moments, policy) => {
        for (const [i, { verdict, reasons }] of replay(moments, policy).entries()) {
          const { machineMillicores = 0 } = moments[i] ?? {};
          const share = Math.max(policy.idle.coreShareMax, policy.inUse.coreShareMax);
          const duty = verdict.kind === "throttle" ? verdict.duty : 1;
          const millicores = coresOf(verdict) * duty * 1_000;
          expect(millicores).toBeLessThanOrEqual(Math.max(1_000, share * machineMillicores) + 1e-6);
          if ("memoryBytes" in verdict) {
            expect(verdict.memoryBytes).toBeLessThanOrEqual(policy.idle.memoryShareMax * 8 * GiB);
          }
          expect(reasons.length).toBeGreaterThan(0);
          expect(reasons.map(sentenceOf).every((sentence) => sentence.length > 10)).toBe(true);
        }
      }),
    );
  });

  test("more load of the owner's never lends more", () => {
    fc.assert(
      fc.property(
        arbMoments,
        arbMoment,
        fc.nat({ max: 8_000 }),
        arbPolicy,
        (moments, moment, more, policy) => {
          const { state } = last(replay(moments, policy));
          const { foreignMillicores } = moment;
          fc.pre(foreignMillicores !== null);
          const at = (foreign: number) => {
            const [decision] = replay(
              [{ ...moment, foreignMillicores: foreign }],
              policy,
              NONE,
              state,
              moments.length * STEP_MS,
            );
            return coresOf(decision?.verdict ?? { kind: "vacate" });
          };
          expect(at(foreignMillicores + more)).toBeLessThanOrEqual(at(foreignMillicores));
        },
      ),
    );
  });

  test("nothing runs on battery, in heat or when reclaimed, unless the policy says so", () => {
    fc.assert(
      fc.property(arbMoments, arbPolicy, (moments, policy) => {
        for (const [i, { verdict }] of replay(moments, policy).entries()) {
          const { battery = null, temperatureCelsius = null, isReclaimed = false } = moments[i] ?? {};
          const isForbidden =
            isReclaimed ||
            (battery !== null && !battery.isCharging && !policy.battery.isAllowed) ||
            (temperatureCelsius !== null && temperatureCelsius >= policy.temperature.stopCelsius);
          if (isForbidden) expect(["suspend", "vacate"]).toContain(verdict.kind);
        }
      }),
    );
  });

  test("the same history gives the same decisions", () => {
    fc.assert(
      fc.property(arbMoments, arbPolicy, (moments, policy) => {
        expect(replay(moments, policy)).toEqual(replay(structuredClone(moments), policy));
      }),
    );
  });
});

describe("where the lowest priority does not keep us out of the owner's way", () => {
  const inTheWay = { foreignMillicores: 700, idleMillicores: 0, cpuStallShare: 0.4 } as const;
  const wide = { ...gentle, idle: { ...gentle.idle, toleratedMillicores: 600 } };
  const four = { machineMillicores: 4_000 } as const;
  const allLent = last(replay(times(100, four), wide));
  const from = (moments: readonly Partial<OwnerSignals>[]) =>
    replay(moments, wide, NONE, allLent.state, 100 * STEP_MS);

  test("one more core is taken back, then another only once that had time to show", () => {
    const cores = from(times(24, { ...four, ...inTheWay })).map(({ verdict }) => coresOf(verdict));
    expect(cores[0]).toBe(3);
    const changes = cores.flatMap((count, i) => (i > 0 && count < (cores[i - 1] ?? 0) ? [i * STEP_MS] : []));
    expect(changes[0]).toBeGreaterThanOrEqual(500);
    expect(cores.at(-1)).toBeLessThan(3);
  });

  test("it says so", () => {
    const [first] = from([
      { ...four, ...inTheWay, foreignMillicores: 3_000 },
      { ...four, ...inTheWay },
    ]);
    expect(codesOf(first ?? lent)).toEqual(["CONTENDED", "OWNER_BUSY", "IDLE"]);
  });

  test("never more is lent than without the signal, and nothing changes while an idle core is left or nobody waits", () => {
    const arbMoment = fc.record({
      foreignMillicores: fc.integer({ min: 0, max: 4_000 }),
      idleMillicores: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 4_000 })),
      cpuStallShare: fc.oneof(fc.constant(null), fc.double({ min: 0, max: 1, noNaN: true })),
    });
    fc.assert(
      fc.property(arbMoment, (moment) => {
        const [told] = from([{ ...four, ...moment }]);
        const [untold] = from([{ ...four, ...moment, idleMillicores: null, cpuStallShare: null }]);
        const [cores, coresUntold] = [told, untold].map((one) => coresOf((one ?? lent).verdict));
        expect(cores).toBeLessThanOrEqual(coresUntold ?? 0);
        const isFree = (moment.idleMillicores ?? 4_000) >= 200 || (moment.cpuStallShare ?? 0) <= 0.1;
        if (isFree || moment.foreignMillicores <= 600) expect(cores).toBe(coresUntold);
      }),
    );
  });
});
