/** The sensors of macOS. SOURCE: ioreg(8), pmset(1), ps(1) */
import type { Battery } from "@pingo/scheduler";
import type { OsView } from "../os-view.ts";
import type { Reading, Sensors } from "../sensor.ts";

const NANOSECONDS_PER_MS = 1e6;

export const MACOS_SENSORS: Sensors = {
  input: readInput,
  battery: readBattery,
  temperature: async () => ({ missing: "macOS tells the processor's temperature to the administrator only" }),
  fullScreen: async () => ({ missing: "macOS does not tell a background program what fills the screen" }),
  applications: readApplications,
  metered: async () => ({ missing: "macOS does not tell whether the network is metered" }),
  reclaimed: async () => ({ missing: "macOS does not tell a command that it is about to sleep or stop" }),
};

async function readInput(os: OsView): Promise<Reading<number>> {
  const listed = await os.run("ioreg", ["-c", "IOHIDSystem", "-d", "4"]);
  const nanoseconds = /"HIDIdleTime" = (\d+)/.exec(listed ?? "")?.[1];
  if (nanoseconds === undefined) return { missing: "ioreg does not tell when the computer was last touched" };
  return { value: Number(nanoseconds) / NANOSECONDS_PER_MS };
}

async function readBattery(os: OsView): Promise<Reading<Battery | null>> {
  const shown = await os.run("pmset", ["-g", "batt"]);
  if (shown === null) return { missing: "pmset does not tell what powers the computer" };
  const charge = /InternalBattery.*?(\d{1,3})%/s.exec(shown)?.[1];
  if (charge === undefined) return { value: null };
  return { value: { isCharging: shown.includes("'AC Power'"), charge: Number(charge) / 100 } };
}

async function readApplications(os: OsView): Promise<Reading<ReadonlySet<string>>> {
  const listed = await os.run("ps", ["-axco", "comm="]);
  if (listed === null) return { missing: "ps does not list the running programs" };
  return {
    value: new Set(
      listed
        .split("\n")
        .map((name) => name.trim())
        .filter((name) => name !== ""),
    ),
  };
}
