/** The sensors of Linux. */
import type { Sensors } from "../sensor.ts";
import { readApplications, readFullScreen, readMetered } from "./desktop.ts";
import { readInput } from "./input.ts";
import { readBattery, readReclaimed } from "./power.ts";
import { readTemperature } from "./temperature.ts";

export const LINUX_SENSORS: Sensors = {
  input: readInput,
  battery: readBattery,
  temperature: readTemperature,
  fullScreen: readFullScreen,
  applications: readApplications,
  metered: readMetered,
  reclaimed: readReclaimed,
};
