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
/** What was missing is seldom there a moment later. */
const MISSING_MS = 60_000;
const NOTHING: Latest = {
  input: null,
  battery: null,
  temperature: null,
  fullScreen: null,
  applications: null,
  metered: null,
  reclaimed: null,
};

export class SensorDeck {
  readonly #os: OsView;
  readonly #sensors: Sensors;
  readonly #clock: Clock;
  readonly #dueMs = new Map<SensorName, number>();
  readonly #missing = new Map<SensorName, string>();
  #latest: Latest = NOTHING;
  #inputReadMs = 0;

  constructor(os: OsView, sensors: Sensors, clock: Clock) {
    this.#os = os;
    this.#sensors = sensors;
    this.#clock = clock;
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
      const due = SENSOR_NAMES.filter((name) => (this.#dueMs.get(name) ?? 0) <= now);
      for (const name of due) await this.#read(name);
      const next = Math.min(...SENSOR_NAMES.map((name) => this.#dueMs.get(name) ?? 0));
      const waitMs = Math.max(50, next - this.#clock.monotonicMs());
      await this.#clock.sleep(waitMs, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  }

  /** Every sensor once: for `pingo doctor`, and before the first look. */
  async readAll(): Promise<void> {
    await Promise.all(SENSOR_NAMES.map((name) => this.#read(name)));
  }

  async #read(name: SensorName): Promise<void> {
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
