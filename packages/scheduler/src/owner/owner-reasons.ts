/** Why this computer lends what it lends: a closed set, each with a code and the sentence that `pingo node why` prints. */
import { formatBytes, formatDuration } from "@pingo/core";

export type OwnerReason =
  | { readonly code: "RECLAIMED" }
  | { readonly code: "PAUSED"; readonly leftMs: number }
  | { readonly code: "FINISHING" }
  | { readonly code: "OUTSIDE_WINDOWS" }
  | { readonly code: "ON_BATTERY" }
  | { readonly code: "BATTERY_LOW"; readonly charge: number | null; readonly chargeMin: number }
  | { readonly code: "TOO_HOT"; readonly celsius: number | null; readonly resumeCelsius: number }
  | { readonly code: "FULL_SCREEN" }
  | { readonly code: "APPLICATION_RUNS"; readonly application: string }
  | { readonly code: "MEMORY_SHORT"; readonly wantedBytes: number }
  | { readonly code: "OWNER_BUSY"; readonly foreignMillicores: number }
  | { readonly code: "CONTENDED"; readonly stallShare: number }
  | { readonly code: "CALMING"; readonly leftMs: number }
  | { readonly code: "SUSPENDED_LONG"; readonly forMs: number }
  | { readonly code: "IN_USE"; readonly inputIdleMs: number }
  | { readonly code: "INPUT_UNKNOWN" }
  | { readonly code: "LOAD_UNKNOWN" }
  | { readonly code: "POWER_DEAR" }
  | { readonly code: "METERED" }
  | { readonly code: "SIZED"; readonly millicores: number }
  | { readonly code: "IDLE" };

export type OwnerReasonCode = OwnerReason["code"];

const SENTENCES: { readonly [C in OwnerReasonCode]: (reason: Extract<OwnerReason, { code: C }>) => string } =
  {
    RECLAIMED: () => "the system is about to sleep, stop or take this computer back",
    PAUSED: ({ leftMs }) => `you paused it; it goes on in ${formatDuration(leftMs)} (pingo node resume: now)`,
    FINISHING: () => "you asked it to finish: what runs is finished, nothing new is taken",
    OUTSIDE_WINDOWS: () => "your policy has no window at this time of the week",
    ON_BATTERY: () => "the computer runs on battery",
    BATTERY_LOW: ({ charge, chargeMin }) =>
      charge === null
        ? `the computer runs on a battery that does not tell its charge, and your policy wants ${percent(chargeMin)}`
        : `the battery is at ${percent(charge)}, below the ${percent(chargeMin)} of your policy`,
    TOO_HOT: ({ celsius, resumeCelsius }) =>
      celsius === null
        ? `the processor was hot when its sensor fell silent; it goes on once that tells ${Math.round(resumeCelsius)} °C, or in ten minutes`
        : `the processor is at ${Math.round(celsius)} °C; it goes on at ${Math.round(resumeCelsius)} °C`,
    FULL_SCREEN: () => "a program fills the screen: a film, a game or a talk",
    APPLICATION_RUNS: ({ application }) => `${application} runs, which your policy gives the computer to`,
    MEMORY_SHORT: ({ wantedBytes }) =>
      `your programs need the memory: ${formatBytes(wantedBytes)} are given back`,
    CONTENDED: ({ stallShare }) =>
      `your own programs waited ${percent(stallShare)} of the time for a core that we had`,
    OWNER_BUSY: ({ foreignMillicores }) =>
      `your own work uses ${(foreignMillicores / 1_000).toFixed(1)} cores`,
    CALMING: ({ leftMs }) => `your work has just let go; it waits ${formatDuration(leftMs)} to be sure`,
    SUSPENDED_LONG: ({ forMs }) => `it stood still for ${formatDuration(forMs)}, so the work went elsewhere`,
    IN_USE: ({ inputIdleMs }) =>
      `you are at the computer: the last key was ${formatDuration(inputIdleMs)} ago`,
    INPUT_UNKNOWN: () =>
      "nothing says whether somebody is at the computer, so it counts as in use (pingo doctor)",
    LOAD_UNKNOWN: () => "nothing says how busy this computer is (pingo doctor)",
    POWER_DEAR: () => "power is dear at this time of your tariff",
    METERED: () => "the network is metered: nothing is fetched or sent",
    SIZED: ({ millicores }) => `you lend at most ${millicores / 1_000} cores (pingo node size)`,
    IDLE: () => "nobody needs the computer",
  };

export function sentenceOf(reason: OwnerReason): string {
  // SAFETY: the table maps each code to the sentence of the reason with that code.
  const sentence = SENTENCES[reason.code] as (reason: OwnerReason) => string;
  return sentence(reason);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
