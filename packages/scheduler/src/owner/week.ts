/** Times of the week as people write them: "mon-fri 18:00-08:00", "sat 00:00-24:00". */
import { UnitError } from "@pingo/core";
import type { WeekWindow } from "./policy.ts";

export const MINUTES_PER_DAY = 1_440;
const DAYS: readonly string[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const WINDOW = /^([a-z]{3})(?:-([a-z]{3}))? (\d{2}):(\d{2})-(\d{2}):(\d{2})$/;

/** One window for each day; days may wrap around, as in "fri-mon". */
export function parseWindows(text: string): readonly WeekWindow[] {
  const match = WINDOW.exec(text.trim().toLowerCase());
  const [first, last] = [match?.[1], match?.[2] ?? match?.[1]].map((day) => DAYS.indexOf(day ?? ""));
  const fromMinute = minuteOf(match?.[3], match?.[4]);
  const toMinute = minuteOf(match?.[5], match?.[6]);
  const isWhole =
    first !== undefined &&
    first >= 0 &&
    last !== undefined &&
    last >= 0 &&
    fromMinute < MINUTES_PER_DAY &&
    toMinute <= MINUTES_PER_DAY;
  if (!isWhole) {
    const expected = 'a time of the week such as "mon-fri 18:00-08:00" or "sat 00:00-24:00"';
    throw new UnitError({ code: "QUANTITY_INVALID", text: text.slice(0, 40), expected });
  }
  const days = ((last - first + DAYS.length) % DAYS.length) + 1;
  return Array.from({ length: days }, (_, i) => ({
    weekday: (first + i) % DAYS.length,
    fromMinute,
    toMinute,
  }));
}

/** A window until an hour that is not later ends on the next day. */
export function isWithin(
  { weekday, fromMinute, toMinute }: WeekWindow,
  at: { readonly weekday: number; readonly minute: number },
): boolean {
  const length = toMinute > fromMinute ? toMinute - fromMinute : toMinute + MINUTES_PER_DAY - fromMinute;
  const week = DAYS.length * MINUTES_PER_DAY;
  const since = (at.weekday - weekday) * MINUTES_PER_DAY + at.minute - fromMinute;
  return ((since % week) + week) % week < length;
}

/** NaN compares false with every bound. */
function minuteOf(hours: string | undefined, minutes: string | undefined): number {
  return Number(minutes) < 60 ? Number(hours) * 60 + Number(minutes) : Number.NaN;
}
