import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { localTime } from "./local-time.ts";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const before = process.env["TZ"];
afterEach(() => {
  if (before === undefined) delete process.env["TZ"];
  else process.env["TZ"] = before;
});

test.each([
  "Europe/Berlin",
  "America/New_York",
  "America/St_Johns",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "Pacific/Auckland",
  "UTC",
])(
  "the hour on the wall is the system's zone's, in summer, in winter and in the night between: %s",
  (zone) => {
    process.env["TZ"] = zone;
    const parts = { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
    const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, ...parts });
    const years = { min: Date.parse("2024-01-01"), max: Date.parse("2030-12-31") };
    // Most zones change on a Sunday of one of these months; a night of each is walked through.
    const nights = [2, 3, 9, 10].flatMap((month) =>
      [1, 8, 22, 25, 29].map((day) => Date.UTC(2026, month, day)),
    );
    const moment = fc.oneof(
      fc.integer(years),
      fc.tuple(fc.constantFrom(...nights), fc.nat(86_400_000)).map(([night, ms]) => night + ms),
    );
    fc.assert(
      fc.property(moment, (unixMs) => {
        const shown = new Map(format.formatToParts(unixMs).map(({ type, value }) => [type, value]));
        expect(localTime(unixMs)).toEqual({
          weekday: DAYS.indexOf(shown.get("weekday") ?? ""),
          minute: Number(shown.get("hour")) * 60 + Number(shown.get("minute")),
        });
      }),
      { numRuns: 200 },
    );
  },
);
