/** This computer's own provider in a few lines: what runs, what was done today, and why not more. */
import { formatBytes, formatCores, formatDuration, formatPingo } from "@pingo/core";
import type {
  OfferStatus,
  OwnerStatus,
  ProviderStatus,
  RefusalStatus,
  UnitStatus,
} from "@pingo/scheduler/status";
import { progressBar } from "./bars.ts";

const BAR_COLUMNS = 20;

export function ownStatusLines(status: ProviderStatus, nowUnixMs: number): readonly string[] {
  const { provider, fog, isOnline, units, today, refused, offer, sizeProblem, troubles, owner } = status;
  return [
    `this computer is provider ${provider}`,
    isOnline ? `joined to ${fog}` : `looking for the fog node at ${fog}`,
    ...(owner === null ? ["it lends all, all the time: no policy is in force"] : lendingLines(owner)),
    ...troubles.map(({ sentence, code }) => `  ${sentence} (${code})`),
    ...offerLines(offer),
    ...(units.length === 0 ? ["nothing runs"] : unitLines(units)),
    `today: ${today.units} ${today.units === 1 ? "unit" : "units"}, ${today.steps} steps, ${formatDuration(today.cpuMs)} of CPU time; your own work used ${formatDuration(today.ownerCpuMs)}`,
    ...refusalLines(refused, nowUnixMs),
    ...(sizeProblem === null
      ? []
      : [`what you lend at most is as before, since its file is broken: ${sizeProblem}`]),
    ...(owner === null || owner.policyProblem === null
      ? []
      : [`the policy file is broken, the one before it counts: ${owner.policyProblem}`]),
  ];
}

/** A fog node that asked for more than was agreed: its owner is to hear of it. */
export function refusalLines(refused: RefusalStatus | null, nowUnixMs: number): readonly string[] {
  if (refused === null) return [];
  const { count, atUnixMs, sentence, code } = refused;
  const ago = formatDuration(Math.max(0, nowUnixMs - atUnixMs));
  return [`refused ${count} ${count === 1 ? "lease" : "leases"}, the last ${ago} ago: ${sentence} (${code})`];
}

function lendingLines(owner: OwnerStatus): readonly string[] {
  const { cores, memoryBytes, machineMillicores, foreignMillicores, temperatureCelsius, profile } = owner;
  const load = foreignMillicores === null ? "not known" : `${(foreignMillicores / 1_000).toFixed(2)} cores`;
  const heat = temperatureCelsius === null ? "" : `, processor at ${Math.round(temperatureCelsius)} °C`;
  return [
    `lends ${cores} of ${formatCores(machineMillicores)}, ${formatBytes(memoryBytes)} (profile ${profile}); your own work: ${load}${heat}`,
    ...owner.reasons.map(({ sentence, code }) => `  ${sentence} (${code})`),
  ];
}

/** What its fog node was told last. */
function offerLines(offer: OfferStatus): readonly string[] {
  const { gflops, memoryBytesPerSecond, downBytesPerSecond, upBytesPerSecond, availability } = offer;
  const speeds = [
    gflops === 0 ? "" : `${gflops.toFixed(0)} GFLOP/s a core`,
    memoryBytesPerSecond === 0 ? "" : `memory at ${formatBytes(memoryBytesPerSecond)}/s`,
    downBytesPerSecond === 0 ? "" : `link down at ${formatBytes(downBytesPerSecond)}/s`,
    upBytesPerSecond === 0 ? "" : `up at ${formatBytes(upBytesPerSecond)}/s`,
  ].filter((text) => text !== "");
  const price =
    offer.priceNanoPerCpuHour === "0"
      ? ""
      : `, ${formatPingo(BigInt(offer.priceNanoPerCpuHour))} an hour of a core`;
  const notice =
    offer.reclaimNoticeMs === 0
      ? ""
      : `, taken back ${formatDuration(offer.reclaimNoticeMs)} after it is told`;
  return [
    `offers ${formatCores(offer.cpuMillicores)}, ${formatBytes(offer.memoryBytes)} of memory, ${formatBytes(offer.diskBytes)} of disk${price}${notice}`,
    speeds.length === 0 ? "its speed is not measured yet" : `measured: ${speeds.join(", ")}`,
    availability.length === 0
      ? "when it lends is not known yet: a day must have been seen"
      : `lends ${Math.round(availability.reduce((sum, percent) => sum + percent, 0) / availability.length)} % of the week, most at ${bestHours(availability)}`,
  ];
}

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** The longest run of hours, over the end of the week too, that are within a tenth of the best. */
function bestHours(availability: readonly number[]): string {
  const bound = 0.9 * Math.max(...availability);
  const hours = availability.length;
  let [best, length] = [0, 0];
  for (let from = 0; from < hours; from++) {
    let run = 0;
    while (run < hours && (availability[(from + run) % hours] ?? 0) >= bound) run += 1;
    if (run > length) [best, length] = [from, run];
  }
  return length === hours ? "any hour" : `${hourText(best)} to ${hourText((best + length) % hours)}`;
}

function hourText(hour: number): string {
  return `${DAYS[Math.floor(hour / 24)]} ${String(hour % 24).padStart(2, "0")}:00`;
}

/** By job, whose id takes most of a row. */
function unitLines(units: readonly UnitStatus[]): readonly string[] {
  return [...Map.groupBy(units, ({ job }) => job)].flatMap(([job, ofJob]) => [
    `job ${job}:`,
    ...ofJob.map(unitLine),
  ]);
}

function unitLine({ round, index, step, steps, loss }: UnitStatus): string {
  const told = loss === null ? "" : `, loss ${loss.toFixed(4)}`;
  return `  ${progressBar(step / steps, BAR_COLUMNS)} ${step}/${steps} steps of unit ${index}, round ${round}${told}`;
}
