import { chmod, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readMemory } from "./linux/memory.ts";
import { openProcessor } from "./linux/processor.ts";
import { sensorsOf } from "./open-sensors.ts";
import { createOsView, type OsView } from "./os-view.ts";
import { SENSOR_NAMES, type SensorName } from "./sensor.ts";

const NOW = 1_800_000_000_000;
const PLATFORMS = ["linux", "darwin", "win32"] as const;

let root = "";
let os: OsView;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "pingo-sensors-"));
  await mkdir(join(root, "bin"));
  os = createOsView({ root, environment: { PATH: join(root, "bin") } });
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function file(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

/** A command that prints what `answers` holds for its words. */
async function command(name: string, answers: Readonly<Record<string, string>>): Promise<void> {
  const cases = Object.entries(answers).map(([words, text]) => `  '${words}') printf '%s' '${text}' ;;`);
  const path = join(root, "bin", name);
  await writeFile(path, `#!/bin/sh\ncase "$*" in\n${cases.join("\n")}\n  *) exit 1 ;;\nesac\n`);
  await chmod(path, 0o755);
}

const linux = (name: SensorName) => sensorsOf("linux")[name](os, NOW);

describe.each(PLATFORMS)("the sensors of %s", (platform) => {
  test.each(SENSOR_NAMES)("%s: a value, or a sentence where the system does not tell", async (name) => {
    const reading = await sensorsOf(platform)[name](os, NOW);
    if ("value" in reading) expect(["input", "battery"]).toContain(name);
    else expect(reading.missing).toMatch(/ .* /);
  });
});

describe("input on Linux", () => {
  const shown = "show-session 7 -p IdleHint -p IdleSinceHint";
  const session = (hint: string, sinceUsec: number) => `IdleHint=${hint}\nIdleSinceHint=${sinceUsec}\n`;

  test("a key pressed in a terminal is the last input", async () => {
    await file("dev/pts/3", "");
    await file("dev/tty2", "");
    await utimes(join(root, "dev/pts/3"), (NOW - 7_000) / 1_000, 0);
    await utimes(join(root, "dev/tty2"), (NOW - 90_000) / 1_000, 0);
    expect(await linux("input")).toEqual({ value: 7_000 });
  });

  test("nobody logged in is idle for ever", async () => {
    expect(await linux("input")).toEqual({ value: Number.POSITIVE_INFINITY });
  });

  test("X11 tells by xprintidle", async () => {
    await command("xprintidle", { "": "4200\n" });
    expect(await linux("input")).toEqual({ value: 4_200 });
  });

  const wayland = () =>
    file("run/systemd/sessions/7", "UID=1000\nUSER=ada\nSTATE=active\nTYPE=wayland\nCLASS=user\n");

  test("Wayland tells by logind's hint, once the desktop has set it", async () => {
    await wayland();
    await command("loginctl", {
      [shown]: session("yes", (NOW - 60_000) * 1_000),
    });
    expect(await linux("input")).toEqual({ value: 60_000 });
    await command("loginctl", {
      [shown]: session("no", NOW * 1_000),
    });
    expect(await linux("input")).toEqual({ value: 0 });
  });

  test("an X server inside Wayland is not asked: it counts on while the owner types into another window", async () => {
    await wayland();
    await command("xprintidle", { "": "3600000\n" });
    await command("loginctl", { [shown]: session("no", (NOW - 60_000) * 1_000) });
    expect(await linux("input")).toEqual({ value: 0 });
    await command("loginctl", { [shown]: session("no", 0) });
    expect(await linux("input")).toMatchObject({ missing: expect.stringContaining("swayidle") });
  });

  const x11 = (id: number) =>
    file(`run/systemd/sessions/${id}`, "UID=1000\nUSER=ada\nSTATE=active\nTYPE=x11\nCLASS=user\n");

  test("of all that tells, the latest touch counts", async () => {
    await x11(7);
    await command("xprintidle", { "": "4200\n" });
    await command("loginctl", { [shown]: session("yes", (NOW - 9_000) * 1_000) });
    expect(await linux("input")).toEqual({ value: 4_200 });
    await command("loginctl", { [shown]: session("yes", (NOW - 3_000) * 1_000) });
    expect(await linux("input")).toEqual({ value: 3_000 });
    await command("loginctl", { [shown]: session("no", 0) });
    expect(await linux("input")).toEqual({ value: 4_200 });
  });

  test("xprintidle speaks of one desktop of two", async () => {
    await x11(7);
    await x11(8);
    await command("xprintidle", { "": "4200\n" });
    await command("loginctl", {
      [shown]: session("no", 0),
      [shown.replace("7", "8")]: session("yes", (NOW - 60_000) * 1_000),
    });
    expect(await linux("input")).toEqual({ value: 4_200 });
    await command("loginctl", { [shown]: session("no", 0) });
    expect(await linux("input")).toMatchObject({ missing: expect.stringContaining("xprintidle") });
  });

  test("a desktop that never sets the hint is missing, not guessed", async () => {
    await wayland();
    await command("loginctl", { [shown]: session("no", 0) });
    expect(await linux("input")).toMatchObject({ missing: expect.stringContaining("xprintidle") });
  });
});

describe("the other sensors of Linux", () => {
  const supply = async (name: string, values: Readonly<Record<string, string>>) => {
    for (const [key, value] of Object.entries(values))
      await file(`sys/class/power_supply/${name}/${key}`, `${value}\n`);
  };

  test("a laptop on battery, and on mains", async () => {
    await supply("BAT0", { type: "Battery", status: "Discharging", capacity: "73" });
    await supply("AC", { type: "Mains", online: "0" });
    await supply("mouse", { type: "Battery", scope: "Device", status: "Discharging", capacity: "3" });
    expect(await linux("battery")).toEqual({ value: { isCharging: false, charge: 0.73 } });
    await supply("AC", { online: "1" });
    expect(await linux("battery")).toEqual({ value: { isCharging: true, charge: 0.73 } });
  });

  test("what powers a peripheral is not this computer's mains", async () => {
    await supply("BAT0", { type: "Battery", status: "Discharging", capacity: "50" });
    await supply("AC", { type: "Mains", online: "0" });
    await supply("pad", { type: "Mains", scope: "Device", online: "1" });
    expect(await linux("battery")).toEqual({ value: { isCharging: false, charge: 0.5 } });
  });

  test("a charge that is not told is null, or what the battery's energy says", async () => {
    await supply("BAT0", { type: "Battery", status: "Discharging", capacity: "" });
    expect(await linux("battery")).toEqual({ value: { isCharging: false, charge: null } });
    await supply("BAT0", { energy_now: "12000000", energy_full: "48000000" });
    expect(await linux("battery")).toEqual({ value: { isCharging: false, charge: 0.25 } });
  });

  test.each([
    ["Unknown", "0", false],
    ["", "0", false],
    ["Full", "0", false],
    ["Unknown", "1", true],
    ["Unknown", null, null],
    ["", null, null],
    ["Unknown", "", null],
    ["Full", null, true],
    ["Not charging", null, true],
    ["Charging", "0", true],
  ])("a battery that says %j beside mains that say %j", async (status, online, isCharging) => {
    await supply("BAT0", { type: "Battery", status, capacity: "50" });
    if (online !== null) await supply("AC", { type: "Mains", online });
    const told =
      isCharging === null ? { missing: expect.any(String) } : { value: { isCharging, charge: 0.5 } };
    expect(await linux("battery")).toEqual(told);
  });

  test("a sensor that reads empty tells nothing", async () => {
    await file("sys/class/hwmon/hwmon1/name", "coretemp\n");
    await file("sys/class/hwmon/hwmon1/temp1_input", "\n");
    expect(await linux("temperature")).toMatchObject({ missing: expect.any(String) });
  });

  test("the hottest sensor of the processor counts, and no other device's", async () => {
    await file("sys/class/hwmon/hwmon0/name", "nvme\n");
    await file("sys/class/hwmon/hwmon0/temp1_input", "91000\n");
    await file("sys/class/hwmon/hwmon1/name", "coretemp\n");
    await file("sys/class/hwmon/hwmon1/temp1_input", "61000\n");
    await file("sys/class/hwmon/hwmon1/temp2_input", "64500\n");
    expect(await linux("temperature")).toEqual({ value: 64.5 });
  });

  test("a window that fills the screen", async () => {
    await command("xprop", {
      "-root _NET_ACTIVE_WINDOW": "_NET_ACTIVE_WINDOW(WINDOW): window id # 0x3e00007\n",
      "-id 0x3e00007 _NET_WM_STATE": "_NET_WM_STATE(ATOM) = _NET_WM_STATE_FULLSCREEN\n",
    });
    expect(await linux("fullScreen")).toEqual({ value: true });
    await command("xprop", { "-root _NET_ACTIVE_WINDOW": "_NET_ACTIVE_WINDOW(WINDOW): window id # 0x0\n" });
    expect(await linux("fullScreen")).toEqual({ value: false });
    await file("run/systemd/sessions/7", "STATE=active\nTYPE=wayland\nCLASS=user\n");
    expect(await linux("fullScreen")).toMatchObject({ missing: expect.stringContaining("Wayland") });
  });

  test("on Wayland a window of the X server's is seen to fill the screen, and never not to", async () => {
    await file("run/systemd/sessions/7", "STATE=active\nTYPE=wayland\nCLASS=user\n");
    const active = { "-root _NET_ACTIVE_WINDOW": "_NET_ACTIVE_WINDOW(WINDOW): window id # 0x3e00007\n" };
    const state = "-id 0x3e00007 _NET_WM_STATE";
    await command("xprop", { ...active, [state]: "_NET_WM_STATE(ATOM) = _NET_WM_STATE_FULLSCREEN\n" });
    expect(await linux("fullScreen")).toEqual({ value: true });
    await command("xprop", { ...active, [state]: "_NET_WM_STATE(ATOM) = \n" });
    expect(await linux("fullScreen")).toMatchObject({ missing: expect.any(String) });
  });

  test("without a window manager that names the active window, full screen is not told", async () => {
    const words = "-root _NET_ACTIVE_WINDOW";
    await command("xprop", { [words]: "_NET_ACTIVE_WINDOW:  no such atom on any window.\n" });
    expect(await linux("fullScreen")).toMatchObject({ missing: expect.any(String) });
    await command("xprop", { [words]: "_NET_ACTIVE_WINDOW:  not found.\n" });
    expect(await linux("fullScreen")).toMatchObject({ missing: expect.any(String) });
  });

  test("the programs that run", async () => {
    await file("proc/12/comm", "obs\n");
    await file("proc/34/comm", "bash\n");
    await file("proc/version", "");
    expect(await linux("applications")).toEqual({ value: new Set(["obs", "bash"]) });
  });

  test("a metered device counts once it is connected", async () => {
    const device = (state: string, metered: string) => `GENERAL.STATE:${state}\nGENERAL.METERED:${metered}\n`;
    const words = "-t -f GENERAL.STATE,GENERAL.METERED device show";
    await command("nmcli", {
      [words]: `${device("100 (connected)", "no")}\n${device("30 (disconnected)", "yes")}`,
    });
    expect(await linux("metered")).toEqual({ value: false });
    await command("nmcli", { [words]: device("100 (connected)", "guess-yes") });
    expect(await linux("metered")).toEqual({ value: true });
  });
});

test("a computer about to sleep", async () => {
  const words =
    "get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager PreparingForSleep PreparingForShutdown";
  await command("busctl", { [words]: "b false\nb true\n" });
  expect(await linux("reclaimed")).toEqual({ value: true });
  await command("busctl", { [words]: "b false\nb false\n" });
  expect(await linux("reclaimed")).toEqual({ value: false });
});

describe("macOS and Windows answer in their own words", () => {
  test("macOS", async () => {
    await command("ioreg", { "-c IOHIDSystem -d 4": '  | |   "HIDIdleTime" = 5200000000\n' });
    await command("pmset", {
      "-g batt": `Now drawing from "Battery Power"\n -InternalBattery-0 (id=1)\t81%; discharging;\n`,
    });
    await command("ps", { "-axco comm=": "Finder\nobs\n" });
    const sensors = sensorsOf("darwin");
    expect(await sensors.input(os, NOW)).toEqual({ value: 5_200 });
    expect(await sensors.battery(os, NOW)).toEqual({ value: { isCharging: false, charge: 0.81 } });
    expect(await sensors.applications(os, NOW)).toEqual({ value: new Set(["Finder", "obs"]) });
  });

  test("Windows", async () => {
    const path = join(root, "bin", "powershell");
    await writeFile(
      path,
      "#!/bin/sh\ncase \"$4\" in\n *IdleMs*) echo 900 ;;\n *Win32_Battery*) printf '1 44\\nend\\n' ;;\n *) echo Variable ;;\nesac\n",
    );
    await chmod(path, 0o755);
    await command("tasklist", { "/fo csv /nh": '"obs64.exe","4412","Console","1","210,000 K"\n' });
    const sensors = sensorsOf("win32");
    expect(await sensors.input(os, NOW)).toEqual({ value: 900 });
    expect(await sensors.battery(os, NOW)).toEqual({ value: { isCharging: false, charge: 0.44 } });
    expect(await sensors.applications(os, NOW)).toEqual({ value: new Set(["obs64"]) });
    expect(await sensors.metered(os, NOW)).toEqual({ value: true });
  });
});

describe("processor and memory on Linux", () => {
  const stat = (user: number, nice: number, idle: number) =>
    `cpu  ${user} ${nice} 10 ${idle} 5 0 1 2 0 0\ncpu0 0 0\n`;
  const worker = (user: number, system: number) =>
    `42 (node (x) y) S 1 1 1 0 -1 0 0 0 0 0 ${user} ${system} 0 0 20 0 9 0 1 1 1\n`;

  test("busy time is all but idle, own time that of the workers and the agent", async () => {
    await file("proc/stat", stat(100, 50, 9_000));
    await file("proc/42/stat", worker(30, 12));
    const processor = await openProcessor(os, 2);
    expect(processor.machineMillicores).toBe(2_000);
    expect(processor.sample(5, [42], 7)).toEqual({
      atMs: 5,
      busyMs: 1_630,
      ownMs: 427,
      errorMs: 30,
      waitedMs: -7,
      waitedErrorMs: 0,
      waiters: 0,
      anyWaitedMs: 0,
      ranMs: 7,
      cores: 2,
      pressureMs: null,
    });
    expect(processor.sample(5, [43], 7)?.ownMs).toBe(7);
  });

  test("without /proc nothing is measured", async () => {
    expect((await openProcessor(os, 2)).sample(0, [], 0)).toBeNull();
  });

  test("a quota of cgroup v2 is the computer, and its own account the load", async () => {
    await file("proc/stat", stat(1_000_000, 0, 0));
    await file("proc/self/cgroup", "0::/system.slice/pingo\n");
    await file("sys/fs/cgroup/system.slice/cpu.max", "150000 100000\n");
    await file("sys/fs/cgroup/system.slice/cpu.stat", "usage_usec 4500\nuser_usec 1\n");
    await file("sys/fs/cgroup/system.slice/pingo/cpu.max", "max 100000\n");
    const processor = await openProcessor(os, 8);
    expect(processor.machineMillicores).toBe(1_500);
    expect(processor.sample(0, [], 1)).toEqual({
      atMs: 0,
      busyMs: 4.5,
      ownMs: 1,
      errorMs: 0,
      waitedMs: -1,
      waitedErrorMs: 0,
      waiters: 0,
      anyWaitedMs: 0,
      ranMs: 1,
      cores: null,
      pressureMs: null,
    });
  });

  test("a quota of cgroup v1", async () => {
    await file("proc/self/cgroup", "4:memory:/box\n2:cpuacct:/box\n1:cpu:/box\n0::/\n");
    await file("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "50000\n");
    await file("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
    await file("sys/fs/cgroup/cpuacct/box/cpuacct.usage", "3000000\n");
    const processor = await openProcessor(os, 8);
    expect(processor.machineMillicores).toBe(500);
    expect(processor.sample(0, [], 0)?.busyMs).toBe(3);
  });

  test("a quota of a container that sees its own group as the root, in either version", async () => {
    await file("proc/self/cgroup", "1:cpu,cpuacct:/docker/0a1b\n0::/docker/0a1b\n");
    await file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
    await file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    expect((await openProcessor(os, 8)).machineMillicores).toBe(500);
    await file("sys/fs/cgroup/cpu.max", "25000 100000\n");
    expect((await openProcessor(os, 8)).machineMillicores).toBe(250);
  });

  const meminfo = "MemTotal:       8000000 kB\nMemFree: 1 kB\nMemAvailable:   5000000 kB\n";

  test("memory, and how long everything waited for it", async () => {
    await file("proc/meminfo", meminfo);
    await file(
      "proc/pressure/memory",
      "some avg10=1.00 avg60=0.00 total=1\nfull avg10=12.50 avg60=0.00 total=1\n",
    );
    expect(readMemory(os)).toEqual({
      totalBytes: 8_192_000_000,
      availableBytes: 5_120_000_000,
      stallShare: 0.125,
    });
  });

  test("a memory limit of the control group is all there is", async () => {
    await file("proc/meminfo", meminfo);
    await file("proc/self/cgroup", "0::/box\n");
    await file("sys/fs/cgroup/box/memory.max", "1000000000\n");
    await file("sys/fs/cgroup/box/memory.current", "400000000\n");
    expect(readMemory(os)).toEqual({
      totalBytes: 1_000_000_000,
      availableBytes: 600_000_000,
      stallShare: null,
    });
  });
});
