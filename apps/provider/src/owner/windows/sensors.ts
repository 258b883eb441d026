/** The sensors of Windows, asked through PowerShell. SOURCE: GetLastInputInfo, Win32_Battery, NetworkInformation API */
import type { Battery } from "@pingo/scheduler";
import type { OsView } from "../os-view.ts";
import type { Reading, Sensors } from "../sensor.ts";

/**
 * Milliseconds since the last input of this session, a line each time one is asked for. Windows tells it to compiled code
 * alone, and compiling takes a second of a core: so it is done once, and the program answers until its input ends.
 */
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
'@; do { [Console]::Out.WriteLine([Input]::IdleMs()) } while ($null -ne [Console]::In.ReadLine())`;
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
  const told = await os.converse("powershell", wordsFor(LAST_INPUT));
  const idleMs = Number.parseInt(told ?? "", 10);
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
  return os.run("powershell", wordsFor(script));
}

function wordsFor(script: string): readonly string[] {
  return ["-NoProfile", "-NonInteractive", "-Command", script];
}
