import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, OWNER_STATE_AT_START } from "./decide.ts";
import type { OwnerPolicy, WeekWindow } from "./policy.ts";
import { PROFILES } from "./profiles.ts";
import type { LocalTime } from "./signals.ts";
import { calmSignals } from "./testing/calm-signals.ts";
import { isWithin, MINUTES_PER_DAY, parseWindows } from "./week.ts";

const WEEK = 7 * MINUTES_PER_DAY;
const ZONES = [
  "Europe/Berlin",
  "America/New_York",
  "America/St_Johns", // half an hour beside the others
  "Australia/Lord_Howe", // summer time of half an hour
  "Asia/Kathmandu",
  "Africa/Casablanca", // goes back for a month of the year
  "Pacific/Auckland",
  "UTC",
] as const;
const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const window = fc.record({
  weekday: fc.nat(6),
  fromMinute: fc.nat(MINUTES_PER_DAY - 1),
  toMinute: fc.integer({ min: 1, max: MINUTES_PER_DAY }),
});

/** What hangs on the wall of somebody who lives there, as the runtime's own tables of time zones say. */
function wallIn(timeZone: string): (unixMs: number) => LocalTime {
  const parts = { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  const format = new Intl.DateTimeFormat("en-US", { timeZone, ...parts });
  return (unixMs) => {
    const shown = new Map(format.formatToParts(unixMs).map(({ type, value }) => [type, value]));
    return {
      weekday: DAYS.indexOf(shown.get("weekday") ?? ""),
      minute: Number(shown.get("hour")) * 60 + Number(shown.get("minute")),
    };
  };
}

const codesAt = (local: LocalTime, policy: OwnerPolicy) =>
  decide(calmSignals({ local }), policy, { kind: "none" }, OWNER_STATE_AT_START).reasons.map(
    ({ code }) => code,
  );

/** Minutes of real time from the first to before the last at which the policy lends. */
function minutesLent(policy: OwnerPolicy, timeZone: string, from: string, hours: number): readonly number[] {
  const wall = wallIn(timeZone);
  const fromUnixMs = Date.parse(from);
  return Array.from({ length: hours * 60 }, (_, minute) => minute).filter(
    (minute) => !codesAt(wall(fromUnixMs + minute * 60_000), policy).includes("OUTSIDE_WINDOWS"),
  );
}

test("a window holds in as many minutes of a week as it is long, all in a row from its first, over midnight and the week's end too", () => {
  fc.assert(
    fc.property(window, ({ weekday, fromMinute, toMinute }) => {
      const length = (toMinute - fromMinute + MINUTES_PER_DAY - 1) % MINUTES_PER_DAY;
      const first = weekday * MINUTES_PER_DAY + fromMinute;
      const wanted = new Set(Array.from({ length: length + 1 }, (_, i) => (first + i) % WEEK));
      for (let at = 0; at < WEEK; at += 1) {
        const local = { weekday: Math.floor(at / MINUTES_PER_DAY), minute: at % MINUTES_PER_DAY };
        if (isWithin({ weekday, fromMinute, toMinute }, local) !== wanted.has(at))
          expect.fail(`minute ${at} of the week`);
      }
    }),
    { numRuns: 30 },
  );
});

test("what is written for some days holds for each of them and for no other, also where they wrap around", () => {
  fc.assert(
    fc.property(fc.nat(6), fc.nat(6), (first, last) => {
      const windows = parseWindows(`${DAYS[first]}-${DAYS[last]} 10:00-11:00`);
      const wanted = Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, i) => (first + i) % 7);
      expect(windows.map(({ weekday }) => weekday)).toEqual(wanted);
    }),
  );
});

describe("on the owner's wall, wherever it hangs and however its clock is put forward or back", () => {
  const moment = fc.tuple(
    fc.constantFrom(...ZONES),
    fc.date({ min: new Date("2024-01-01"), max: new Date("2030-12-31"), noInvalidDate: true }),
  );
  const windows = fc.array(window, { minLength: 1, maxLength: 3 });
  const holds = (all: readonly WeekWindow[], { weekday, minute }: LocalTime): boolean =>
    all.some(({ weekday: day, fromMinute, toMinute }) => {
      const since = (((weekday - day + 7) % 7) * MINUTES_PER_DAY + minute - fromMinute + WEEK) % WEEK;
      return since < ((toMinute - fromMinute + MINUTES_PER_DAY - 1) % MINUTES_PER_DAY) + 1;
    });

  test("work runs inside the windows and nowhere else", () => {
    fc.assert(
      fc.property(moment, windows, ([zone, date], inside) => {
        const local = wallIn(zone)(date.getTime());
        const codes = codesAt(local, { ...PROFILES.gentle, windows: inside });
        expect(codes.includes("OUTSIDE_WINDOWS")).toBe(!holds(inside, local));
      }),
    );
  });

  test("power is dear outside the cheap hours and nowhere else", () => {
    fc.assert(
      fc.property(moment, windows, ([zone, date], cheap) => {
        const local = wallIn(zone)(date.getTime());
        const codes = codesAt(local, { ...PROFILES.gentle, tariff: { cheap, dearShare: 0.5 } });
        expect(codes.includes("POWER_DEAR")).toBe(!holds(cheap, local));
      }),
    );
  });

  test.each([
    ["the night that has an hour less", "Europe/Berlin", "2026-03-28T17:00:00Z", 7 * 60],
    ["the night that has an hour more", "Europe/Berlin", "2026-10-24T16:00:00Z", 9 * 60],
    ["an ordinary one", "Europe/Berlin", "2026-06-06T16:00:00Z", 8 * 60],
    ["half an hour less", "Australia/Lord_Howe", "2026-10-03T07:30:00Z", 7.5 * 60],
    ["half an hour more", "Australia/Lord_Howe", "2026-04-04T07:00:00Z", 8.5 * 60],
  ])("a window from 22 to 6 o'clock is lent in one piece: %s", (_, zone, from, length) => {
    const policy = { ...PROFILES.gentle, windows: parseWindows("mon-sun 22:00-06:00") };
    const lent = minutesLent(policy, zone, from, 16);
    expect(lent).toHaveLength(length);
    expect((lent.at(-1) ?? 0) - (lent[0] ?? 0) + 1).toBe(length);
  });

  test("an hour that the clock leaves out is not lent, one that it shows twice is lent twice", () => {
    const policy = { ...PROFILES.gentle, windows: parseWindows("sun 02:00-03:00") };
    expect(minutesLent(policy, "Europe/Berlin", "2026-03-28T12:00:00Z", 24)).toEqual([]);
    expect(minutesLent(policy, "Europe/Berlin", "2026-10-24T12:00:00Z", 24)).toHaveLength(120);
  });
});
