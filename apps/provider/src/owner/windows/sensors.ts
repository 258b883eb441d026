/** The sensors of Windows, asked through PowerShell. SOURCE: GetLastInputInfo, Win32_Battery, NetworkInformation API */
import type { Battery } from "@pingo/scheduler";
import type { OsView } from "../os-view.ts";
import type { Reading, Sensors } from "../sensor.ts";

/** Milliseconds since the last input of this session. */
const LAST_INPUT = `Add-Type @'
using System; using System.Runtime.InteropServices;
public static class Input {
  struct Info { public uint size; public uint tick; }
  [DllImport("user32.dll")] static extern bool GetLastInputInfo(ref Info info);
  public static uint IdleMs() {
    Info info = new Info(); info.size = 8;
    return GetLastInputInfo(ref info) ? unchecked((uint)Environment.TickCount - info.tick) : uint.MaxValue;
  }
}
'@; [Input]::IdleMs()`;
const UNKNOWN = 0xffffffff;
/** BatteryStatus 1: discharging. */
const BATTERY =
  "Get-CimInstance Win32_Battery | ForEach-Object { \"$($_.BatteryStatus) $($_.EstimatedChargeRemaining)\" }; 'end'";
const METERED =
  "[Windows.Networking.Connectivity.NetworkInformation,Windows,ContentType=WindowsRuntime] | Out-Null; " +
  "[Windows.Networking.Connectivity.NetworkInformation]::GetInternetConnectionProfile().GetConnectionCost().NetworkCostType";

export const WINDOWS_SENSORS: Sensors = {
  input: readInput,
  battery: readBattery,
  temperature: async () => ({
    missing: "Windows tells the processor's temperature to the administrator only",
  }),
  fullScreen: async () => ({ missing: "Windows does not tell a background program what fills the screen" }),
  applications: readApplications,
  metered: readMetered,
  reclaimed: async () => ({ missing: "Windows does not tell a command that it is about to sleep or stop" }),
};

async function readInput(os: OsView): Promise<Reading<number>> {
  const idleMs = Number.parseInt((await ask(os, LAST_INPUT)) ?? "", 10);
  if (!Number.isFinite(idleMs) || idleMs === UNKNOWN) {
    return {
      missing:
        "Windows does not tell a service when the computer was last touched: run the agent in your session",
    };
  }
  return { value: idleMs };
}

async function readBattery(os: OsView): Promise<Reading<Battery | null>> {
  const shown = await ask(os, BATTERY);
  if (shown === null) return { missing: "PowerShell does not tell what powers the computer" };
  const found = /^(\d+) (\d+)$/m.exec(shown);
  if (found === null) return { value: null };
  return { value: { isCharging: found[1] !== "1", charge: Number(found[2]) / 100 } };
}

async function readApplications(os: OsView): Promise<Reading<ReadonlySet<string>>> {
  const listed = await os.run("tasklist", ["/fo", "csv", "/nh"]);
  if (listed === null) return { missing: "tasklist does not list the running programs" };
  const names = listed.split("\n").flatMap((line) => /^"([^"]+?)(?:\.exe)?"/i.exec(line)?.[1] ?? []);
  return { value: new Set(names) };
}

async function readMetered(os: OsView): Promise<Reading<boolean>> {
  const cost = (await ask(os, METERED))?.trim();
  if (cost === undefined || cost === "")
    return { missing: "Windows does not tell whether the network is metered" };
  return { value: cost === "Fixed" || cost === "Variable" };
}

function ask(os: OsView, script: string): Promise<string | null> {
  return os.run("powershell", ["-NoProfile", "-NonInteractive", "-Command", script]);
}
