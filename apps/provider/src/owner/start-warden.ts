/** The warden of this computer, with its sensors and the two files in which its owner speaks. */
import { join } from "node:path";
import { type Clock, type Log, parseShape } from "@pingo/core";
import type { Workforce } from "@pingo/lending";
import {
  type OwnerDecision,
  type OwnerPolicy,
  type OwnerSignals,
  type OwnerSize,
  type OwnerWish,
  PROFILES,
  parsePolicyFile,
  sentenceOf,
} from "@pingo/scheduler";
import { type OwnerStatus, WISH_FILE, zOwnerWish } from "@pingo/scheduler/status";
import { memoryOf, residentBytes } from "./linux/memory.ts";
import { openProcessor } from "./linux/processor.ts";
import { sensorsOf } from "./open-sensors.ts";
import { createOsView } from "./os-view.ts";
import type { SensorName } from "./sensor.ts";
import { SensorDeck } from "./sensor-deck.ts";
import { Warden } from "./warden.ts";
import { WatchedFile } from "./watched-file.ts";

export interface StartWardenOptions {
  readonly folder: string;
  readonly policyPath: string;
  readonly desktopEnvironment: Readonly<Record<string, string>>;
  /** Cores that the scheduler of the system lets us see. */
  readonly coresInSight: number;
  readonly workforce: Workforce;
  /** What the owner lends at most, beside the policy's own word. */
  readonly size: () => OwnerSize;
  readonly clock: Clock;
  readonly log: Log;
  /** What is lent has changed. */
  readonly onChange: () => void;
}

export interface StartedWarden extends AsyncDisposable {
  readonly decision: OwnerDecision | undefined;
  readonly policy: OwnerPolicy;
  status(): OwnerStatus | null;
  /** Something is about to run. */
  wake(): void;
  /** Rejects on a bug. */
  readonly ended: Promise<void>;
}

export async function startWarden(options: StartWardenOptions): Promise<StartedWarden> {
  const { folder, policyPath, desktopEnvironment, coresInSight, workforce, size, clock, log, onChange } =
    options;
  const os = createOsView({ root: "/", environment: desktopEnvironment });
  const policy = new WatchedFile(policyPath, (text) => policyOf(text, policyPath), log);
  const sensors = new SensorDeck(os, sensorsOf(process.platform), clock, {
    isWanted: (name) => isWanted(name, policy.value),
    isWorking: () => workforce.workers().some(({ isBusy }) => isBusy),
  });
  const wish = new WatchedFile(join(folder, WISH_FILE), wishOf, log);
  let last: { readonly decision: OwnerDecision; readonly signals: OwnerSignals } | undefined;
  let lent = "";
  const warden = new Warden({
    policy,
    wish,
    size,
    sensors,
    processor: await openProcessor(os, coresInSight),
    memory: () => memoryOf(os),
    ownMemoryBytes: () =>
      [process.pid, ...workforce.workers().map(({ pid }) => pid)].reduce(
        (sum, pid) => sum + residentBytes(os, pid),
        0,
      ),
    agentMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    workforce,
    clock,
    log,
    onLook: (decision, signals) => {
      last = { decision, signals };
      const { verdict, acceptsWork } = decision;
      const now = "cores" in verdict ? `${acceptsWork} ${verdict.cores} ${verdict.duty}` : "nothing";
      if (now !== lent) onChange();
      lent = now;
    },
  });
  const over = new AbortController();
  await sensors.readAll();
  const ended = Promise.all([sensors.run(over.signal), warden.run(over.signal)]).then(() => undefined);
  return {
    get decision() {
      return last?.decision;
    },
    get policy() {
      return policy.value;
    },
    wake: () => warden.wake(),
    status: () => (last ? statusOf(last, { policy, sensors }) : null),
    ended,
    async [Symbol.asyncDispose]() {
      over.abort();
      await ended;
    },
  };
}

/** Reading some costs a process each time: not for a policy that does not ask. */
function isWanted(name: SensorName, policy: OwnerPolicy): boolean {
  if (name === "applications") return policy.applications.length > 0;
  if (name === "fullScreen") return policy.onFullScreen !== "ignore";
  if (name === "metered") return policy.onMetered !== "ignore";
  if (name === "input") return policy.idleAfterMs > 0;
  return true;
}

function policyOf(text: string | null, path: string): OwnerPolicy {
  const policy = text === null ? PROFILES.gentle : parsePolicyFile(text, path);
  // The kernel keeps the first 15 letters of a program's name.
  const applications = policy.applications.map((name) =>
    process.platform === "linux" ? name.slice(0, 15) : name,
  );
  return { ...policy, applications };
}

function wishOf(text: string | null): OwnerWish {
  return text === null ? { kind: "none" } : parseShape(zOwnerWish, parseJson(text), "the owner's wish");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused by its shape, with a sentence
  }
}

function statusOf(
  { decision, signals }: { readonly decision: OwnerDecision; readonly signals: OwnerSignals },
  { policy, sensors }: { readonly policy: WatchedFile<OwnerPolicy>; readonly sensors: SensorDeck },
): OwnerStatus {
  const { verdict, acceptsWork, reasons } = decision;
  return {
    verdict: verdict.kind,
    cores: "cores" in verdict ? verdict.cores : 0,
    memoryBytes: "memoryBytes" in verdict ? verdict.memoryBytes : 0,
    acceptsWork,
    reasons: reasons.map((reason) => ({ code: reason.code, sentence: sentenceOf(reason) })),
    machineMillicores: signals.machineMillicores,
    foreignMillicores: signals.foreignMillicores,
    temperatureCelsius: signals.temperatureCelsius,
    profile: policy.value.profile,
    policyProblem: policy.problem,
    missing: [...sensors.missing.values()],
  };
}
