/** The owner's wall clock. */
import type { LocalTime } from "@pingo/scheduler";

export function localTime(unixMs: number): LocalTime {
  const date = new Date(unixMs);
  // Sunday is JavaScript's first day.
  return { weekday: (date.getDay() + 6) % 7, minute: date.getHours() * 60 + date.getMinutes() };
}
