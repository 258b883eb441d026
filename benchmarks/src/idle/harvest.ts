/**
 * What of a day's idle CPU time a rule harvests, and what it costs the owner: pure, step by step, by the code that the
 * agent itself decides with.
 */
import { decide, OWNER_STATE_AT_START, type OwnerPolicy, type OwnerSignals } from "@pingo/scheduler";
import { type Day, STEP_MS } from "./day.ts";

export interface Harvest {
  /** Of the CPU time that the owner left. */
  readonly ofIdle: number;
  /** Of the part of it that the rule's own limits allow. */
  readonly ofAllowed: number;
  /** Of the CPU time that the owner wanted: how much of it began while a core was still lent that should not have been. */
  readonly contended: number;
}

/** Cores lent in this step, knowing the steps before, and cores that its limits allow at all. */
type Rule = (step: number) => { readonly lentCores: number; readonly allowedCores: number };

export function harvestOf(day: Day, rule: Rule): Harvest {
  const { machineMillicores, loadMillicores } = day;
  let [idle, allowed, harvested, wanted, contended] = [0, 0, 0, 0, 0];
  for (let step = 0; step < loadMillicores.length; step++) {
    const load = (loadMillicores[step] ?? 0) / 1_000;
    const free = machineMillicores / 1_000 - load;
    const { lentCores, allowedCores } = rule(step);
    idle += free;
    allowed += Math.min(free, allowedCores);
    // At idle priority it gets what the owner leaves.
    harvested += Math.min(free, lentCores);
    wanted += load;
    contended += Math.min(load, Math.max(0, lentCores - free));
  }
  return { ofIdle: harvested / idle, ofAllowed: harvested / allowed, contended: contended / wanted };
}

/** Ours: what was measured in the step before decides about this one. */
export function pingoRule(day: Day, policy: OwnerPolicy): Rule {
  let state = OWNER_STATE_AT_START;
  return (step) => {
    const decision = decide(signalsAt(day, step), policy, { kind: "none" }, state);
    state = decision.state;
    const { verdict } = decision;
    const share = (day.inputIdleMs[step] ?? 0) >= policy.idleAfterMs ? policy.idle : policy.inUse;
    return {
      lentCores: "cores" in verdict ? verdict.cores * ("duty" in verdict ? verdict.duty : 1) : 0,
      allowedCores: (share.coreShareMax * day.machineMillicores) / 1_000,
    };
  };
}

/** SOURCE: BOINC 7.20 and later: lib/prefs.cpp defaults(), client/cs_prefs.cpp; as its users get it. */
const BOINC = {
  sampleMs: 10_000,
  idleAfterMs: 3 * 60_000,
  suspendShare: 0.25,
  suspendShareIdle: 0.5,
  /** After it was suspended for load. */
  downMsMin: 20_000,
} as const;

export function boincRule(day: Day): Rule {
  const perSample = BOINC.sampleMs / STEP_MS;
  const cores = day.machineMillicores / 1_000;
  let downUntil = 0;
  return (step) => {
    if (step % perSample === 0 && step > 0) {
      const sample = day.loadMillicores.subarray(step - perSample, step);
      const share = sample.reduce((sum, load) => sum + load, 0) / perSample / day.machineMillicores;
      const isIdle = (day.inputIdleMs[step] ?? 0) >= BOINC.idleAfterMs;
      if (share > (isIdle ? BOINC.suspendShareIdle : BOINC.suspendShare)) {
        downUntil = step + BOINC.downMsMin / STEP_MS;
      }
    }
    return { lentCores: step < downUntil ? 0 : cores, allowedCores: cores };
  };
}

const GiB = 2 ** 30;

function signalsAt({ machineMillicores, loadMillicores, inputIdleMs }: Day, step: number): OwnerSignals {
  return {
    monotonicMs: step * STEP_MS,
    nowUnixMs: step * STEP_MS,
    local: { weekday: 0, minute: Math.floor((step * STEP_MS) / 60_000) % 1_440 },
    inputIdleMs: inputIdleMs[step] ?? null,
    machineMillicores,
    foreignMillicores: step === 0 ? null : (loadMillicores[step - 1] ?? 0),
    idleMillicores: null,
    cpuStallShare: null,
    memoryTotalBytes: 8 * GiB,
    memoryAvailableBytes: 6 * GiB,
    memoryStallShare: 0,
    ownMemoryBytes: 0,
    battery: null,
    temperatureCelsius: null,
    isFullScreen: false,
    applications: null,
    isMetered: false,
    isReclaimed: false,
  };
}
