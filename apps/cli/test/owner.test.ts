/** What an owner says to this computer's provider, by command. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyPairOfSeed } from "@pingo/core";
import { type OwnerReason, PROFILES, sentenceOf } from "@pingo/scheduler";
import type { ProviderStatus } from "@pingo/scheduler/status";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pingo } from "./pingo.ts";
import { hasTerminal, openTerminal } from "./terminal.ts";

let home = "";
let env: Readonly<Record<string, string>> = {};
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-cli-owner-"));
  env = { PINGO_HOME: home };
});
afterEach(() => rm(home, { recursive: true }));

const inProvider = (name: string) => join(home, "provider", name);

test("a policy is set by a profile's name or a file, and shown in sentences", async () => {
  const before = await pingo(["node", "policy", "show"], env);
  expect(before.stdout).toContain("profile gentle, from the default");
  expect((await pingo(["node", "policy", "set", "balanced"], env)).exitCode).toBe(0);
  expect(await readFile(inProvider("policy.yaml"), "utf8")).toBe("profile: balanced\n");
  const file = join(home, "mine.yaml");
  await writeFile(file, 'profile: dedicated\nwindows: ["mon-fri 18:00-08:00"]\napplications: [obs]\n');
  const set = await pingo(["node", "policy", "set", file, "--json"], env);
  expect(JSON.parse(set.stdout).policy).toMatchObject({ profile: "dedicated", applications: ["obs"] });
  const shown = await pingo(["node", "policy", "show"], env);
  expect(shown.stdout).toContain("only Mon 18:00-08:00, Tue 18:00-08:00");
  expect(shown.stdout).toContain("stands still while obs runs");
});

test("a policy with a mistake is refused with its line, and the old one stays", async () => {
  await pingo(["node", "policy", "set", "balanced"], env);
  const file = join(home, "mine.yaml");
  await writeFile(file, "profile: gentle\nidle: { coers: 50% }\n");
  const refused = await pingo(["node", "policy", "set", file], env);
  expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
  expect(refused.stderr).toBe(
    `${file}:2:9: unknown key "coers"; did you mean "cores"? (POLICY_KEY_UNKNOWN)\n`,
  );
  expect(await readFile(inProvider("policy.yaml"), "utf8")).toBe("profile: balanced\n");
  const unknown = await pingo(["node", "policy", "set", "gentel"], env);
  expect(unknown.stderr).toContain("expected gentle, balanced, dedicated, or a policy file (OPTION_INVALID)");
});

test("pause, resume and finish leave a word for the agent", async () => {
  const wish = async () => JSON.parse(await readFile(inProvider("wish.json"), "utf8"));
  const beganUnixMs = Date.now();
  expect((await pingo(["node", "pause", "2h"], env)).stdout).toMatch(
    /^paused until \d{4}-\d\d-\d\d \d\d:\d\d\n$/,
  );
  expect(await wish()).toMatchObject({ kind: "paused" });
  expect((await wish()).untilUnixMs).toBeGreaterThanOrEqual(beganUnixMs + 7_200_000);
  await pingo(["node", "finish"], env);
  expect(await wish()).toEqual({ kind: "finishing" });
  await pingo(["node", "resume"], env);
  expect(await wish()).toEqual({ kind: "none" });
  const refused = await pingo(["node", "pause", "soon"], env);
  expect(refused.stderr).toContain('"soon" is not a duration such as "30s", "5m" or "2h" (QUANTITY_INVALID)');
});

test("size is asked, set in parts and taken back; nonsense is refused with what would be right", async () => {
  const size = async () => JSON.parse(await readFile(inProvider("size.json"), "utf8"));
  expect((await pingo(["node", "size"], env)).stdout).toContain("cores: as the agent was started");
  await pingo(["node", "size", "--cores", "1.5", "--memory", "2Gi"], env);
  expect(await size()).toEqual({ millicores: 1_500, memoryBytes: 2 ** 31, diskBytes: null });
  const more = await pingo(["node", "size", "--disk", "1Gi", "--memory", "all", "--json"], env);
  expect(JSON.parse(more.stdout)).toEqual({ millicores: 1_500, memoryBytes: null, diskBytes: 2 ** 30 });
  for (const [words, why] of [
    [["--cores", "many"], '"many" is not a number of cores such as "500m" or "2" (QUANTITY_INVALID)'],
    [["--cores", "0"], "at millicores: less than a tenth of a core is not lent (SHAPE_INVALID)"],
    [["--memory", "1Mi"], "at memoryBytes: less than 128.0 MiB is not lent (SHAPE_INVALID)"],
  ] as const) {
    const refused = await pingo(["node", "size", ...words], env);
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain(why);
  }
  await writeFile(inProvider("size.json"), "nonsense");
  expect((await pingo(["node", "size"], env)).stderr).toContain("size.json");
  await pingo(["node", "size", "--reset"], env);
  expect(await size()).toEqual({ millicores: null, memoryBytes: null, diskBytes: null });
});

const ID = keyPairOfSeed(new Uint8Array(32).fill(7)).nodeId;

/** What an agent with one unit says, as it would write it. */
function statusNow(): ProviderStatus {
  return {
    atUnixMs: Date.now(),
    provider: ID,
    pid: 1,
    fog: "http://127.0.0.1:4710",
    isOnline: true,
    busySlots: 1,
    units: [{ job: "bafyjob", round: 3, index: 1, step: 50, steps: 100, loss: 0.25, workerPid: 4711 }],
    today: {
      date: "2026-06-01",
      units: 12,
      steps: 1_200,
      rows: 38_400,
      cpuMs: 3_600_000,
      ownerCpuMs: 60_000,
    },
    refused: {
      code: "LEASE_TOO_LARGE",
      sentence: "the shards take too much",
      atUnixMs: Date.now(),
      count: 2,
    },
    offer: {
      ...{ slots: 1, cpuMillicores: 1_000, memoryBytes: 2 ** 31, diskBytes: 2 ** 32, gflops: 88 },
      ...{ memoryBytesPerSecond: 2 ** 33, downBytesPerSecond: 2 ** 20, upBytesPerSecond: 0 },
      availability: Array.from({ length: 168 }, (_, hour) => (hour % 24 >= 20 || hour % 24 < 6 ? 90 : 10)),
      ...{ reclaimNoticeMs: 3_600_000, priceNanoPerCpuHour: "20000000", benchmarkedAtUnixMs: 1 },
    },
    sizeProblem: null,
    troubles: [{ code: "WORKER_GIVEN_UP", sentence: "a worker died 10 times in a row" }],
    owner: {
      verdict: "throttle",
      cores: 1,
      memoryBytes: 2 ** 31,
      acceptsWork: true,
      reasons: [{ code: "OWNER_BUSY", sentence: "your own work uses 1.2 cores" }],
      machineMillicores: 2_000,
      foreignMillicores: 1_200,
      temperatureCelsius: null,
      profile: PROFILES.gentle.profile,
      policyProblem: "policy.yaml:1:1: unknown key",
      missing: ["no sensor tells the processor's temperature"],
    },
  };
}

async function tell(status: ProviderStatus): Promise<void> {
  await mkdir(join(home, "provider"), { recursive: true });
  await writeFile(inProvider("status.json"), JSON.stringify(status));
}

test("why without a provider says how to get one; with one, each reason and what is not known", async () => {
  const none = await pingo(["node", "why"], env);
  expect(none).toMatchObject({ exitCode: 1, stdout: "" });
  expect(none.stderr).toContain('"pingo node join" lends this computer (NO_PROVIDER)');
  const status = statusNow();
  await tell(status);
  const why = await pingo(["node", "why"], env);
  expect(why.stdout.split("\n")).toEqual([
    "it lends a part: 1 of 2 cores, 2.00 GiB of memory (profile gentle)",
    "  your own work uses 1.2 cores (OWNER_BUSY)",
    "  a worker died 10 times in a row (WORKER_GIVEN_UP)",
    "joined to http://127.0.0.1:4710, 1 unit of work",
    expect.stringMatching(
      /^refused 2 leases, the last .* ago: the shards take too much \(LEASE_TOO_LARGE\)$/,
    ),
    "the policy file is broken, the one before it counts: policy.yaml:1:1: unknown key",
    "not known here: no sensor tells the processor's temperature",
    "",
  ]);
  const told = await pingo(["node", "status", "--fog", "http://127.0.0.1:9"], env);
  expect(told.exitCode).toBe(0);
  expect(told.stdout.split("\n").slice(0, 12)).toEqual([
    `this computer is provider ${ID}`,
    "joined to http://127.0.0.1:4710",
    "lends 1 of 2 cores, 2.00 GiB (profile gentle); your own work: 1.20 cores",
    "  your own work uses 1.2 cores (OWNER_BUSY)",
    "  a worker died 10 times in a row (WORKER_GIVEN_UP)",
    "offers 1 core, 2.00 GiB of memory, 4.00 GiB of disk, 0.02 PINGO an hour of a core, taken back 1 h 0 min after it is told",
    "measured: 88 GFLOP/s a core, memory at 8.00 GiB/s, link down at 1.00 MiB/s",
    "lends 43 % of the week, most at Mon 20:00 to Tue 06:00",
    "job bafyjob:",
    "  ██████████·········· 50/100 steps of unit 1, round 3, loss 0.2500",
    "today: 12 units, 1200 steps, 1 h 0 min of CPU time; your own work used 1 min 0 s",
    expect.stringMatching(
      /^refused 2 leases, the last .* ago: the shards take too much \(LEASE_TOO_LARGE\)$/,
    ),
  ]);
  const json = await pingo(["node", "status", "--json", "--fog", "http://127.0.0.1:9"], env);
  expect(JSON.parse(json.stdout)).toMatchObject({
    node: null,
    own: { today: { units: 12 }, refused: { count: 2 } },
  });
  await tell({ ...status, atUnixMs: Date.now() - 60_000 });
  expect((await pingo(["node", "why"], env)).stderr).toContain("NO_PROVIDER");
});

/** Some of all there are, the longest among them. */
const REASONS: readonly OwnerReason[] = [
  { code: "RECLAIMED" },
  { code: "PAUSED", leftMs: 7_199_000 },
  { code: "TOO_HOT", celsius: null, resumeCelsius: 75 },
  { code: "APPLICATION_RUNS", application: "a-program-of-a-very-long-name-that-your-policy-names" },
  { code: "BATTERY_LOW", charge: null, chargeMin: 0.9 },
  { code: "MEMORY_SHORT", wantedBytes: 2 ** 36 },
  { code: "INPUT_UNKNOWN" },
];

const JOB = `bafyrei${"b".repeat(52)}`;
/** Eight cores at work under a long policy, on a machine of many. */
function busiest(): ProviderStatus {
  const status = statusNow();
  return {
    ...status,
    atUnixMs: Date.now() + 600_000, // told once, and not stale while the test looks
    fog: "https://fog.of-a-long-name.some-university.example.org:47110",
    busySlots: 8,
    units: Array.from({ length: 8 }, (_, index) => ({
      ...{ job: JOB, round: 120, index, step: 9_000 + index, steps: 10_000, workerPid: 100_000 + index },
      loss: index === 7 ? null : 12.3456,
    })),
    offer: { ...status.offer, slots: 8, cpuMillicores: 8_000, upBytesPerSecond: 2 ** 27, gflops: 123.4 },
    sizeProblem: `/home/${"long-name-".repeat(9)}/size.json: at millicores: less than a tenth of a core is not lent`,
    owner: {
      ...(status.owner ?? expect.fail("a policy is in force")),
      ...{ verdict: "throttle", cores: 8, machineMillicores: 128_000, temperatureCelsius: 81 },
      policyProblem: `/home/模型/${"folder/".repeat(12)}policy.yaml:12:3: unknown key "grase"; did you mean "grace"?`,
    },
  };
}

/** Nothing lent, for many reasons, and nobody to lend it to. */
function suspended(): ProviderStatus {
  const status = busiest();
  const owner = status.owner ?? expect.fail("a policy is in force");
  const told = (reason: OwnerReason) => ({ code: reason.code, sentence: sentenceOf(reason) });
  return {
    ...status,
    ...{ isOnline: false, busySlots: 0, units: [], sizeProblem: null, troubles: [] },
    owner: {
      ...owner,
      ...{ verdict: "suspend", cores: 0, acceptsWork: false, policyProblem: null },
      reasons: REASONS.map(told),
    },
  };
}

test.skipIf(!hasTerminal).each([60, 80, 120])(
  "status --live at %i columns: no row is wider than the terminal, none is cut, and each redraw replaces the one before",
  async (columns) => {
    await tell(busiest());
    await using terminal = openTerminal(["node", "status", "--live"], env, { columns });
    const shown = () => terminal.lines().join("").replaceAll(" ", "");
    for (const text of [ID, JOB, "9007/10000steps", "WORKER_GIVEN_UP", "/home/模型/", 'didyoumean"grace"?'])
      await expect.poll(shown).toContain(text);
    await tell(suspended());
    await terminal.saw("looking for the fog node at");
    await terminal.saw("LEASE_TOO_LARGE");
    const last = terminal.lines();
    for (const { code } of REASONS) expect(shown()).toContain(`(${code})`);
    expect(last.filter((line) => line.startsWith("this computer is provider"))).toHaveLength(1);
    expect(terminal.wrapped).toEqual([]);
    terminal.pressCtrlC();
    expect(await terminal.ended).toBe(0);
  },
);

test.skipIf(!hasTerminal)(
  "status --live in a window too low for it shows what fits, and says so",
  async () => {
    await tell(busiest());
    await using terminal = openTerminal(["node", "status", "--live"], env, { rows: 12 });
    await terminal.saw("rows more in a taller window");
    expect(terminal.lines().filter((line) => line !== "").length).toBeLessThan(12);
    terminal.pressCtrlC();
    expect(await terminal.ended).toBe(0);
  },
);

test("a service's unit is shown, written and removed, and systemd told of it", async () => {
  const bin = join(home, "bin");
  await mkdir(bin);
  const calls = join(home, "calls");
  await writeFile(join(bin, "systemctl"), `#!/bin/sh\necho "$*" >> '${calls}'\n`, { mode: 0o755 });
  const withSystemd = { ...env, HOME: home, PATH: `${bin}:${process.env["PATH"]}` };
  const fog = ["--fog", "http://10.0.0.5:4710"];
  const shown = await pingo(["node", "service", "show", "--cores", "1", ...fog], withSystemd);
  expect(shown.stdout).toContain("CPUWeight=idle");
  expect(shown.stdout).toContain(
    "Environment=PINGO_FOG=http://10.0.0.5:4710\nEnvironment=PINGO_PROVIDER_SLOTS=1",
  );
  expect((await pingo(["node", "service", "install", "--cores", "1", ...fog], withSystemd)).exitCode).toBe(0);
  const unit = join(home, ".config/systemd/user/pingo-provider.service");
  expect(await readFile(unit, "utf8")).toBe(shown.stdout);
  expect((await pingo(["node", "service", "uninstall"], withSystemd)).exitCode).toBe(0);
  await expect(readFile(unit)).rejects.toThrow("ENOENT");
  expect((await readFile(calls, "utf8")).split("\n")).toEqual([
    "--user daemon-reload",
    "--user enable --now pingo-provider.service",
    "--user disable --now pingo-provider.service",
    "--user daemon-reload",
    "",
  ]);
});

test("doctor names each thing that the system does not tell of its owner", async () => {
  const { stdout } = await pingo(["doctor", "--json"], env);
  const checks: { name: string; ok: boolean; found: string }[] = JSON.parse(stdout).checks;
  const sensors = checks.filter(({ name }) =>
    ["load", "input", "battery", "temperature", "full screen"].includes(name),
  );
  expect(sensors).toHaveLength(5);
  for (const { ok, found } of sensors) expect(found).toMatch(ok ? /^the system tells it$/ : / .* /);
});

test("doctor tries each wall as the agent does: one that is installed and forbidden is missing, with the system's word", async () => {
  const bin = join(home, "bin");
  await mkdir(bin);
  const script = '#!/bin/sh\necho "bwrap: No permissions to create new namespace" >&2\nexit 1\n';
  await writeFile(join(bin, "bwrap"), script, { mode: 0o755 });
  const path = { ...env, PATH: `${bin}:${process.env["PATH"]}` };
  const { stdout } = await pingo(["doctor", "--json"], path);
  const checks: { name: string; ok: boolean; found: string }[] = JSON.parse(stdout).checks;
  const found = new Map(checks.map(({ name, ...check }) => [name, check]));
  expect(found.get("bwrap")).toMatchObject({
    ok: false,
    found: expect.stringContaining("it does not work here: bwrap: No permissions to create new namespace"),
  });
  expect(found.get("seccomp")).toMatchObject({ ok: false, found: "it needs bwrap" });
  for (const name of ["setpriv", "chrt", "prlimit", "bash"])
    expect(found.get(name)).toMatchObject({ ok: true });
});
