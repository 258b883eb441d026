/** Battery and mains, and whether the system is going down. SOURCE: Documentation/ABI/testing/sysfs-class-power */
import type { Battery } from "@pingo/scheduler";
import type { OsView } from "../os-view.ts";
import type { Reading } from "../sensor.ts";

const SUPPLIES = "sys/class/power_supply";

/** null where the computer has no battery of its own; those of a mouse or a headset are not it. */
export async function readBattery(os: OsView): Promise<Reading<Battery | null>> {
  const supplies = await Promise.all(
    (await os.names(SUPPLIES)).map(async (name) => {
      const read = async (file: string) => (await os.text(`${SUPPLIES}/${name}/${file}`))?.trim();
      return {
        type: await read("type"),
        scope: await read("scope"),
        status: await read("status"),
        capacity: await read("capacity"),
        online: await read("online"),
      };
    }),
  );
  const batteries = supplies.filter(({ type, scope }) => type === "Battery" && scope !== "Device");
  if (batteries.length === 0) return { value: null };
  const charges = batteries.map(({ capacity }) => Number(capacity)).filter(Number.isFinite);
  const isOnMains = supplies.some(({ type, online }) => type !== "Battery" && online === "1");
  const isDischarging = batteries.some(({ status }) => status === "Discharging");
  const charge = charges.length === 0 ? 1 : Math.min(...charges) / 100;
  return { value: { isCharging: isOnMains || !isDischarging, charge } };
}

/** SOURCE: org.freedesktop.login1(5), PreparingForSleep and PreparingForShutdown */
export async function readReclaimed(os: OsView): Promise<Reading<boolean>> {
  const manager = ["org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"];
  const properties = ["PreparingForSleep", "PreparingForShutdown"];
  const answer = await os.run("busctl", ["get-property", ...manager, ...properties]);
  if (answer === null)
    return { missing: "nothing tells that the computer is about to sleep or stop (no logind)" };
  return { value: answer.includes("b true") };
}
