/** What can be known of a computer beside its load: each sensor gives a value, or says what is missing and how to get it. */
import type { Battery } from "@pingo/scheduler";
import type { OsView } from "./os-view.ts";

export type Reading<T> =
  | { readonly value: T }
  /** One sentence: what the system does not tell, and what to install or allow. */
  | { readonly missing: string };

export interface SensorValues {
  /** Since the last input of anybody; Infinity where nobody is logged in. */
  readonly input: number;
  /** null: there is none. */
  readonly battery: Battery | null;
  /** Degrees Celsius of the hottest core. */
  readonly temperature: number;
  readonly fullScreen: boolean;
  readonly applications: ReadonlySet<string>;
  readonly metered: boolean;
  /** The system is about to sleep or to stop. */
  readonly reclaimed: boolean;
}

export type SensorName = keyof SensorValues;
export const SENSOR_NAMES: readonly SensorName[] = [
  "input",
  "battery",
  "temperature",
  "fullScreen",
  "applications",
  "metered",
  "reclaimed",
];

/** One for each operating system. */
export type Sensors = {
  readonly [N in SensorName]: (os: OsView, nowUnixMs: number) => Promise<Reading<SensorValues[N]>>;
};
