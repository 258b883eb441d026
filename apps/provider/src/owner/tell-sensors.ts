/** Every sensor once, and what each says: for `pingo doctor`. */
import type { Clock } from "@pingo/core";
import { openProcessor } from "./linux/processor.ts";
import { sensorsOf } from "./open-sensors.ts";
import { createOsView } from "./os-view.ts";
import { SENSOR_NAMES, type SensorName } from "./sensor.ts";

export interface SensorReport {
  readonly sensor: SensorName | "load";
  /** What the system does not tell, and how to get it; null where it tells. */
  readonly missing: string | null;
}

const LOAD_MISSING = "nothing tells how busy this computer is (/proc/stat is not here)";

export async function tellSensors(
  environment: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<readonly SensorReport[]> {
  const os = createOsView({ root: "/", environment });
  const sensors = sensorsOf(process.platform);
  const read = await Promise.all(
    SENSOR_NAMES.map(async (sensor): Promise<SensorReport> => {
      const reading = await sensors[sensor](os, clock.nowUnixMs());
      return { sensor, missing: "missing" in reading ? reading.missing : null };
    }),
  );
  const sample = (await openProcessor(os, 1)).sample(0, [], 0);
  return [{ sensor: "load", missing: sample === null ? LOAD_MISSING : null }, ...read];
}
