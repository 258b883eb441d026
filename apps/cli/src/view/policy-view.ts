/** An owner's policy in sentences. */
import { formatDuration, formatPingo } from "@pingo/core";
import type { OwnerLimits, OwnerPolicy, WeekWindow } from "@pingo/scheduler";
import { sizeLines } from "./size-view.ts";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export function policyLines(policy: OwnerPolicy): readonly string[] {
  const { idle, inUse, idleAfterMs, graceMs, calmMs, vacateAfterMs, windows, tariff, battery, temperature } =
    policy;
  return [
    idleAfterMs === 0
      ? `always: ${limitsText(idle)}`
      : `in use: ${limitsText(inUse)}; after ${formatDuration(idleAfterMs)} without input: ${limitsText(idle)}`,
    graceMs === 0
      ? "your work is made room for at once"
      : `your work is made room for after ${formatDuration(graceMs)}`,
    `a core is lent again ${formatDuration(calmMs.min)} to ${formatDuration(calmMs.max)} after your work let go of it`,
    `after ${formatDuration(vacateAfterMs)} of standing still the work goes elsewhere`,
    ...(windows.length === 0 ? [] : [`only ${windows.map(windowText).join(", ")}`]),
    ...(tariff.cheap.length === 0
      ? []
      : [
          `power is cheap ${tariff.cheap.map(windowText).join(", ")}; otherwise ${percent(tariff.dearShare)} of that`,
        ]),
    battery.isAllowed ? `on battery down to ${percent(battery.chargeMin)}` : "never on battery",
    `stops at ${temperature.stopCelsius} °C, goes on at ${temperature.resumeCelsius} °C`,
    ...(policy.onFullScreen === "suspend" ? ["stands still while a program fills the screen"] : []),
    ...(policy.applications.length === 0
      ? []
      : [`stands still while ${policy.applications.join(" or ")} runs`]),
    ...(Object.values(policy.size).every((limit) => limit === null) ? [] : sizeLines(policy.size)),
    ...(policy.priceNanoPerCpuHour === 0n
      ? []
      : [`an hour of a core costs ${formatPingo(policy.priceNanoPerCpuHour)}`]),
    ...(policy.onMetered === "no-transfers" ? ["fetches nothing over a metered network"] : []),
  ];
}

function limitsText({ coreShareMax, memoryShareMax }: OwnerLimits): string {
  return `${percent(coreShareMax)} of the cores, ${percent(memoryShareMax)} of the memory`;
}

function windowText({ weekday, fromMinute, toMinute }: WeekWindow): string {
  return `${DAYS[weekday]} ${clockText(fromMinute)}-${clockText(toMinute)}`;
}

function clockText(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
