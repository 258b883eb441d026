/** The sensors of the system this runs on. */
import { LINUX_SENSORS } from "./linux/sensors.ts";
import { MACOS_SENSORS } from "./macos/sensors.ts";
import type { Sensors } from "./sensor.ts";
import { WINDOWS_SENSORS } from "./windows/sensors.ts";

export function sensorsOf(platform: NodeJS.Platform): Sensors {
  if (platform === "linux") return LINUX_SENSORS;
  if (platform === "darwin") return MACOS_SENSORS;
  if (platform === "win32") return WINDOWS_SENSORS;
  const missing = async () => ({ missing: `PinGo has no sensors for ${platform}` });
  return {
    input: missing,
    battery: missing,
    temperature: missing,
    fullScreen: missing,
    applications: missing,
    metered: missing,
    reclaimed: missing,
  };
}
