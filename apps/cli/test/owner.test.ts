/** What an owner says to this computer's provider, by command. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROFILES } from "@pingo/scheduler";
import type { ProviderStatus } from "@pingo/scheduler/status";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pingo } from "./pingo.ts";

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

test("why without a provider says how to get one; with one, each reason and what is not known", async () => {
  const none = await pingo(["node", "why"], env);
  expect(none).toMatchObject({ exitCode: 1, stdout: "" });
  expect(none.stderr).toContain('"pingo node join" lends this computer (NO_PROVIDER)');
  const status: ProviderStatus = {
    atUnixMs: Date.now(),
    provider: "12D3",
    pid: 1,
    fog: "http://127.0.0.1:4710",
    isOnline: true,
    busySlots: 1,
    units: [],
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
  await mkdir(join(home, "provider"));
  await writeFile(inProvider("status.json"), JSON.stringify(status));
  const why = await pingo(["node", "why"], env);
  expect(why.stdout.split("\n")).toEqual([
    "it lends a part: 1 of 2 cores, 2.00 GiB of memory (profile gentle)",
    "  your own work uses 1.2 cores (OWNER_BUSY)",
    "joined to http://127.0.0.1:4710, 1 unit of work",
    "the policy file is broken, the one before it counts: policy.yaml:1:1: unknown key",
    "not known here: no sensor tells the processor's temperature",
    "",
  ]);
  await writeFile(inProvider("status.json"), JSON.stringify({ ...status, atUnixMs: Date.now() - 60_000 }));
  expect((await pingo(["node", "why"], env)).stderr).toContain("NO_PROVIDER");
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
