/** This computer's own provider in a few lines: what runs, what was done today, and why not more. */
import { formatBytes, formatDuration } from "@pingo/core";
import type { OwnerStatus, ProviderStatus, UnitStatus } from "@pingo/scheduler/status";
import { progressBar } from "./bars.ts";

const BAR_COLUMNS = 20;

export function ownStatusLines(status: ProviderStatus, nowUnixMs: number): readonly string[] {
  const { provider, fog, isOnline, units, today, refused, owner } = status;
  return [
    `this computer is provider ${provider}`,
    isOnline ? `joined to ${fog}` : `looking for the fog node at ${fog}`,
    ...(owner === null ? ["it lends all, all the time: no policy is in force"] : lendingLines(owner)),
    ...(units.length === 0 ? ["nothing runs"] : units.map(unitLine)),
    `today: ${today.units} ${today.units === 1 ? "unit" : "units"}, ${today.steps} steps, ${formatDuration(today.cpuMs)} of CPU time; your own work used ${formatDuration(today.ownerCpuMs)}`,
    ...(refused === null
      ? []
      : [
          `refused ${refused.count} ${refused.count === 1 ? "lease" : "leases"}, the last ${formatDuration(Math.max(0, nowUnixMs - refused.atUnixMs))} ago: ${refused.sentence} (${refused.code})`,
        ]),
    ...(owner === null || owner.policyProblem === null
      ? []
      : [`the policy file is broken, the one before it counts: ${owner.policyProblem}`]),
  ];
}

function lendingLines(owner: OwnerStatus): readonly string[] {
  const { cores, memoryBytes, machineMillicores, foreignMillicores, temperatureCelsius, profile } = owner;
  const load = foreignMillicores === null ? "not known" : `${(foreignMillicores / 1_000).toFixed(2)} cores`;
  const heat = temperatureCelsius === null ? "" : `, processor at ${Math.round(temperatureCelsius)} °C`;
  return [
    `lends ${cores} of ${machineMillicores / 1_000} cores, ${formatBytes(memoryBytes)} (profile ${profile}); your own work: ${load}${heat}`,
    ...owner.reasons.map(({ sentence, code }) => `  ${sentence} (${code})`),
  ];
}

function unitLine({ job, round, index, step, steps, loss }: UnitStatus): string {
  const told = loss === null ? "" : `, loss ${loss.toFixed(4)}`;
  return `${progressBar(step / steps, BAR_COLUMNS)} ${step}/${steps} steps of unit ${index}, round ${round}, job ${job}${told}`;
}
