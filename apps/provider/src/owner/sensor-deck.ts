/** All sensors, read in turn beside the warden's looks: what they said last, and what is missing. */
import type { Clock } from "@pingo/core";
import type { OsView } from "./os-view.ts";
import { SENSOR_NAMES, type SensorName, type Sensors, type SensorValues } from "./sensor.ts";

type Latest = { readonly [N in SensorName]: SensorValues[N] | null };

/** Reading some of them starts a process, so none is read more often than its value matters. */
const EVERY_MS: { readonly [N in SensorName]: number } = {
  input: 2_000,
  battery: 5_000,
  temperature: 2_000,
  fullScreen: 5_000,
  applications: 5_000,
  metered: 30_000,
  reclaimed: 2_000,
};
/** With nothing to stop, nobody waits for it; and the time without input only grows between two reads. */
const INPUT_REST_MS = 10_000;
/** What was missing is seldom there a moment later. */
const MISSING_MS = 60_000;
/** A unit may begin, and with it the need to look more often. */
const WAIT_MS_MAX = 2_000;
const NOTHING: Latest = {
  input: null,
  battery: null,
  temperature: null,
  fullScreen: null,
  applications: null,
  metered: null,
  reclaimed: null,
};

/** What the policy and the moment make of the sensors. */
export interface SensorNeeds {
  /** Nobody asks for it: it is not read, and its value is null. */
  isWanted(name: SensorName): boolean;
  /** Something runs that may have to stop. */
  isWorking(): boolean;
}

const ALL_NEEDED: SensorNeeds = { isWanted: () => true, isWorking: () => true };

export class SensorDeck {
  readonly #os: OsView;
  readonly #sensors: Sensors;
  readonly #clock: Clock;
  readonly #dueMs = new Map<SensorName, number>();
  readonly #missing = new Map<SensorName, string>();
  readonly #needs: SensorNeeds;
  #latest: Latest = NOTHING;
  #inputReadMs = 0;

  constructor(os: OsView, sensors: Sensors, clock: Clock, needs: SensorNeeds = ALL_NEEDED) {
    this.#os = os;
    this.#sensors = sensors;
    this.#clock = clock;
    this.#needs = needs;
  }

  /** One sentence for each sensor that does not tell. */
  get missing(): ReadonlyMap<SensorName, string> {
    return this.#missing;
  }

  /** As last read; time without input has gone on since. */
  values(monotonicMs: number): Latest {
    const { input } = this.#latest;
    return { ...this.#latest, input: input === null ? null : input + monotonicMs - this.#inputReadMs };
  }

  /** Until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = this.#clock.monotonicMs();
      const due = SENSOR_NAMES.filter((name) => this.#dueAtMs(name) <= now);
      for (const name of due) await this.#read(name);
      const next = Math.min(...SENSOR_NAMES.map((name) => this.#dueAtMs(name)));
      const waitMs = Math.min(WAIT_MS_MAX, Math.max(50, next - this.#clock.monotonicMs()));
      await this.#clock.sleep(waitMs, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  }

  /** Every sensor once: for `pingo doctor`, and before the first look. */
  async readAll(): Promise<void> {
    await Promise.all(SENSOR_NAMES.map((name) => this.#read(name)));
  }

  #dueAtMs(name: SensorName): number {
    const restMs = name === "input" && !this.#needs.isWorking() ? INPUT_REST_MS - EVERY_MS.input : 0;
    return (this.#dueMs.get(name) ?? 0) + restMs;
  }

  async #read(name: SensorName): Promise<void> {
    if (!this.#needs.isWanted(name)) {
      this.#missing.delete(name);
      this.#latest = { ...this.#latest, [name]: null };
      this.#dueMs.set(name, this.#clock.monotonicMs() + EVERY_MS[name]);
      return;
    }
    const reading = await this.#sensors[name](this.#os, this.#clock.nowUnixMs());
    const now = this.#clock.monotonicMs();
    if ("missing" in reading) {
      this.#missing.set(name, reading.missing);
      this.#latest = { ...this.#latest, [name]: null };
      this.#dueMs.set(name, now + MISSING_MS);
      return;
    }
    this.#missing.delete(name);
    this.#latest = { ...this.#latest, [name]: reading.value };
    if (name === "input") this.#inputReadMs = now;
    this.#dueMs.set(name, now + EVERY_MS[name]);
  }
}
