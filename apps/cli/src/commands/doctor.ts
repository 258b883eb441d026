/** `pingo doctor`: what this machine has, what it lacks, and how to get it. */
import { statfs } from "node:fs/promises";
import { freemem } from "node:os";
import { join } from "node:path";
import { formatBytes, parseShape } from "@pingo/core";
import { Command } from "commander";
import { z } from "zod";
import type { Run } from "../cli.ts";
import { HTTP_PORT_DEFAULT } from "../config.ts";
import { type Context, connectAsReader } from "../context.ts";
import { findOnPath } from "../local/find-on-path.ts";
import { assertPortFree } from "../local/ports.ts";
import { runScript } from "../local/run-script.ts";
import { SCRIPTS } from "../local/scripts.ts";

const HELP = `
Examples:
  pingo doctor
  pingo doctor --json | jq '.checks[] | select(.ok | not)'`;

const NODE_MAJOR_MIN = 24;
const DISK_BYTES_MIN = 1 * 2 ** 30;
const MEMORY_BYTES_MIN = 1 * 2 ** 30;

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found. */
  readonly found: string;
  /** How to get what is missing; null when nothing is. */
  readonly remedy: string | null;
  /** PinGo does not work without it. */
  readonly needed: boolean;
}

export function doctorCommand(run: Run): Command {
  return new Command("doctor")
    .description("what this machine lacks, and how to get it")
    .addHelpText("after", HELP)
    .action(run(doctor));
}

/** @returns the exit code */
async function doctor(context: Context): Promise<number> {
  const { screen } = context;
  const checks = await examine(context);
  for (const check of checks) {
    const mark = check.ok
      ? screen.paint("green", "ok     ")
      : screen.paint(check.needed ? "red" : "yellow", "missing");
    const remedy = check.remedy === null ? "" : `; ${check.remedy}`;
    screen.line(`${mark}  ${check.name.padEnd(12)} ${check.found}${remedy}`);
  }
  const missing = checks.filter(({ ok, needed }) => needed && !ok).map(({ name }) => name);
  screen.json({ ok: missing.length === 0, checks });
  if (missing.length === 0) return 0;
  screen.line(`this machine still needs: ${missing.join(", ")}`);
  return 1;
}

export async function examine(context: Context): Promise<readonly Check[]> {
  const { config } = context;
  const fog = await fogCheck(context);
  return [
    nodeCheck(process.versions.node),
    await engineCheck(context),
    await homeCheck(context),
    await diskCheck(config.home),
    memoryCheck(),
    ...(fog.ok ? [] : [await portCheck(HTTP_PORT_DEFAULT), await portCheck(HTTP_PORT_DEFAULT + 1)]),
    fog,
    await toolCheck(
      context,
      "nice",
      "providers then share the CPU evenly with your own work; it is part of coreutils",
    ),
    ...(await agentChecks(context)),
  ];
}

function nodeCheck(version: string): Check {
  const ok = Number(version.split(".")[0]) >= NODE_MAJOR_MIN;
  const remedy = ok ? null : '"npm start" and "npm run pingo" bring Node 24 along; call PinGo through them';
  return { name: "node", ok, needed: true, found: `version ${version}`, remedy };
}

async function engineCheck({ ports: { clock } }: Context): Promise<Check> {
  const name = "engine";
  try {
    const { measureGflops } = await import("@pingo/autograd");
    const gflops = await measureGflops({ clock });
    return {
      name,
      ok: true,
      needed: true,
      found: `ONNX Runtime computes, ${gflops.toFixed(0)} GFLOP/s on one core`,
      remedy: null,
    };
  } catch (error) {
    return { name, ok: false, needed: true, ...toldBy(error, 'run "npm ci" in the folder of PinGo') };
  }
}

async function homeCheck({ config, ports }: Context): Promise<Check> {
  const name = "home";
  const probe = join(config.home, `.doctor-${process.pid}`);
  try {
    await ports.disk.write(probe, new Uint8Array(1));
    await ports.disk.remove(probe);
    return { name, ok: true, needed: true, found: `${config.home} is writable`, remedy: null };
  } catch (error) {
    return { name, ok: false, needed: true, ...toldBy(error, "point PINGO_HOME at a folder of yours") };
  }
}

/** A sentence says what is wrong and, after a semicolon, what to do; `otherwise` is for one that does not. */
function toldBy(error: unknown, otherwise: string): Pick<Check, "found" | "remedy"> {
  const sentence = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  const [found = "", ...advice] = sentence.split("; ");
  return { found, remedy: advice.join("; ") || otherwise };
}

async function diskCheck(home: string): Promise<Check> {
  const free = await statfs(home).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0, // no such folder: the check of the home has told
  );
  const ok = free >= DISK_BYTES_MIN;
  const remedy = ok ? null : `free ${formatBytes(DISK_BYTES_MIN)}, or point PINGO_HOME at another disk`;
  return { name: "disk", ok, needed: true, found: `${formatBytes(free)} free`, remedy };
}

function memoryCheck(): Check {
  // Of this process: a container may have less than its machine.
  const free = process.availableMemory?.() ?? freemem();
  const ok = free >= MEMORY_BYTES_MIN;
  const remedy = ok ? null : `close something, or start fewer providers with "pingo up --providers 1"`;
  return { name: "memory", ok, needed: false, found: `${formatBytes(free)} free`, remedy };
}

async function portCheck(port: number): Promise<Check> {
  const name = `port ${port}`;
  try {
    await assertPortFree(port);
    return { name, ok: true, needed: false, found: "free", remedy: null };
  } catch {
    return {
      name,
      ok: false,
      needed: false,
      found: "taken by another program",
      remedy: 'use "pingo up --port 5000"',
    };
  }
}

async function fogCheck(context: Context): Promise<Check> {
  const name = "fog node";
  try {
    const node = await (await connectAsReader(context)).node({ signal: context.signal });
    return { name, ok: true, needed: false, found: `${node.id} answers at ${context.fogUrl}`, remedy: null };
  } catch {
    const remedy = '"pingo up" starts one here, PINGO_FOG names another';
    return { name, ok: false, needed: false, found: `none answers at ${context.fogUrl}`, remedy };
  }
}

/** Each sensor answers within two seconds, or not at all. */
const SENSORS_MS_MAX = 20_000;

const zReports = z.object({
  sensors: z.array(z.object({ sensor: z.string(), missing: z.string().nullable() })),
  walls: z.record(z.string(), z.string().nullable()),
});

/** What the owner's policy goes by, which is never guessed, and what stands around workers: both as the agent itself finds it. */
async function agentChecks({ config, signal }: Context): Promise<readonly Check[]> {
  const env = { ...config.inherited, PINGO_HOME: config.home };
  const within = AbortSignal.any([signal, AbortSignal.timeout(SENSORS_MS_MAX)]);
  const { stdout, lastWords } = await runScript(SCRIPTS.provider, ["sensors"], { env, signal: within });
  if (stdout === "") {
    const remedy = "the policy then has nothing to go by; report this line";
    return [{ name: "sensors", ok: false, needed: false, found: lastWords, remedy }];
  }
  const { sensors, walls } = parseShape(zReports, JSON.parse(stdout), "what the sensors tell");
  return [
    ...sensors.map(({ sensor, missing }) => ({
      name: SENSOR_TITLES[sensor] ?? sensor,
      ok: missing === null,
      needed: false,
      found: missing ?? "the system tells it",
      remedy: null,
    })),
    ...Object.entries(walls).map(([name, missing]) => ({
      name,
      ok: missing === null,
      needed: false,
      found: missing ?? "it works",
      remedy: missing === null ? null : (WALL_REMEDIES[name] ?? null),
    })),
  ];
}

const WALL_REMEDIES: Readonly<Record<string, string>> = {
  setpriv: "workers of a killed agent then end a moment later than it; it is part of util-linux",
  chrt: "workers then use nice alone; it is part of util-linux",
  prlimit: "a worker's memory is then not limited by itself; it is part of util-linux",
  bash: "workers of an agent that is stopped (SIGSTOP, a debugger) then run on, and nobody watches for you; install bash 4 or newer",
  bwrap:
    "workers then run behind Node's permissions and the system's limits alone; install bubblewrap, and let users make namespaces (sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)",
  seccomp: "workers may then make every system call that their user may",
};

const SENSOR_TITLES: Readonly<Record<string, string>> = {
  load: "load",
  input: "input",
  battery: "battery",
  temperature: "temperature",
  fullScreen: "full screen",
  applications: "programs",
  metered: "metered net",
  reclaimed: "going down",
};

async function toolCheck({ config }: Context, name: string, without: string): Promise<Check> {
  const found = await findOnPath(name, config.inherited["PATH"]);
  if (found === undefined) return { name, ok: false, needed: false, found: "not on PATH", remedy: without };
  return { name, ok: true, needed: false, found, remedy: null };
}
