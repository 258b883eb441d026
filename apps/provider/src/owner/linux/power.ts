/** Battery and mains, and whether the system is going down. SOURCE: Documentation/ABI/testing/sysfs-class-power */
import type { Battery } from "@pingo/scheduler";
import type { OsView } from "../os-view.ts";
import type { Reading } from "../sensor.ts";

const SUPPLIES = "sys/class/power_supply";

const UNTOLD = "the battery does not tell whether it is used (no status in /sys/class/power_supply)";

/** null where the computer has no battery of its own; what powers a mouse, a pen or a dock's port is not it. */
export async function readBattery(os: OsView): Promise<Reading<Battery | null>> {
  const read = await Promise.all((await os.names(SUPPLIES)).map((name) => readSupply(os, name)));
  const supplies = read.filter(({ scope }) => scope !== "Device");
  const batteries = supplies.filter(({ type }) => type === "Battery");
  if (batteries.length === 0) return { value: null };
  const mains = supplies.filter(({ type }) => type !== "Battery");
  const isCharging = isPowered(
    batteries.map(({ status }) => status),
    mains.map(({ online }) => online),
  );
  if (isCharging === null) return { missing: UNTOLD };
  const charges = batteries.flatMap(({ charge }) => charge ?? []);
  return { value: { isCharging, charge: charges.length === 0 ? null : Math.min(...charges) } };
}

type Word = string | undefined;

/** Null where neither mains nor batteries say so. "online": 0, 1, or 2 for a supply whose voltage is set. */
function isPowered(statuses: readonly Word[], onlines: readonly Word[]): boolean | null {
  if (onlines.some((online) => online === "1" || online === "2")) return true;
  if (statuses.includes("Discharging")) return false;
  // A battery that charges is fed by something, whether or not the kernel knows that supply.
  if (statuses.includes("Charging")) return true;
  if (onlines.length > 0 && onlines.every((online) => online === "0")) return false;
  const isKept = (status: Word) => status === "Full" || status === "Not charging";
  return statuses.every(isKept) ? true : null;
}

async function readSupply(os: OsView, name: string) {
  const word = async (file: string): Promise<Word> =>
    (await os.text(`${SUPPLIES}/${name}/${file}`))?.trim() || undefined;
  const share = async (now: string, full: string): Promise<number | null> => {
    const of = Number((await word(now)) ?? Number.NaN) / Number((await word(full)) ?? Number.NaN);
    return Number.isFinite(of) ? Math.max(0, Math.min(1, of)) : null;
  };
  const capacity = Number((await word("capacity")) ?? Number.NaN);
  return {
    type: await word("type"),
    scope: await word("scope"),
    status: await word("status"),
    online: await word("online"),
    charge: Number.isFinite(capacity)
      ? capacity / 100
      : ((await share("energy_now", "energy_full")) ?? (await share("charge_now", "charge_full"))),
  };
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
