/** The hottest sensor of the processor. SOURCE: Documentation/hwmon/sysfs-interface, Documentation/driver-api/thermal */
import type { OsView } from "../os-view.ts";
import type { Reading } from "../sensor.ts";

const HWMON = "sys/class/hwmon";
const THERMAL = "sys/class/thermal";
/** Drivers of processor sensors: Intel, AMD, Arm boards. */
const PROCESSOR_DRIVERS = new Set([
  "coretemp",
  "k10temp",
  "zenpower",
  "cpu_thermal",
  "scpi_sensors",
  "soc_thermal",
]);
const PROCESSOR_ZONE = /cpu|x86_pkg|soc|package/i;
const MILLI = 1_000;

export async function readTemperature(os: OsView): Promise<Reading<number>> {
  const found = [...(await fromHwmon(os)), ...(await fromZones(os))].filter(Number.isFinite);
  if (found.length === 0) {
    return {
      missing:
        "no sensor tells the processor's temperature (on a computer of your own: modprobe coretemp or k10temp)",
    };
  }
  return { value: Math.max(...found) };
}

async function fromHwmon(os: OsView): Promise<readonly number[]> {
  const read = await Promise.all(
    (await os.names(HWMON)).map(async (device) => {
      const driver = (await os.text(`${HWMON}/${device}/name`))?.trim() ?? "";
      if (!PROCESSOR_DRIVERS.has(driver)) return [];
      const inputs = (await os.names(`${HWMON}/${device}`)).filter((name) => /^temp\d+_input$/.test(name));
      return Promise.all(inputs.map((name) => celsius(os, `${HWMON}/${device}/${name}`)));
    }),
  );
  return read.flat();
}

async function fromZones(os: OsView): Promise<readonly number[]> {
  const zones = (await os.names(THERMAL)).filter((name) => name.startsWith("thermal_zone"));
  const read = await Promise.all(
    zones.map(async (zone) => {
      const type = (await os.text(`${THERMAL}/${zone}/type`)) ?? "";
      return PROCESSOR_ZONE.test(type) ? celsius(os, `${THERMAL}/${zone}/temp`) : Number.NaN;
    }),
  );
  return read;
}

async function celsius(os: OsView, path: string): Promise<number> {
  const text = (await os.text(path))?.trim() ?? "";
  return text === "" ? Number.NaN : Number(text) / MILLI;
}
