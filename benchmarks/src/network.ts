/**
 * What the network costs: the main job through `pingo up`, beside the same training without a network.
 *
 * One provider per core, as the peer has one process per core. Runs alternate; medians are reported. Memory is watched
 * in a run of its own: the kernel walks every page to tell what processes share, on the cores that the providers use.
 * What is compared is training, so these runs have no chain. One more is what `npm start` does, with TON and the gate closed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { systemClock, systemDisk } from "@pingo/core/system";
import { parseJobFile, prepareJob, trainHere } from "@pingo/sdk";
import { type MemoryWatch, type Together, watchMemory } from "./process-memory.ts";
import { median, type Row, row, type Suite } from "./report.ts";

const REPEATS = 3;
const PROVIDERS_MAX = 8;
const MiB = 1024 * 1024;
const CLI = join(dirname(fileURLToPath(import.meta.url)), "../../apps/cli/src/main.ts");
const JOB = "examples/mnist/job.yaml";

interface Summary {
  readonly accuracy: number;
  readonly samplesPerSecond: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly wallSeconds: number;
}

export const networkSuite: Suite = {
  name: "network",
  about: "the network beside the same training without it; bytes and memory of each process",
  cases: [],
  run: runNetworkSuite,
};

async function runNetworkSuite(say: (line: string) => void): Promise<readonly Row[]> {
  const providers = Math.min(availableParallelism(), PROVIDERS_MAX);
  const home = await mkdtemp(join(tmpdir(), "pingo-bench-"));
  try {
    const network: Summary[] = [];
    const localPerSecond: number[] = [];
    for (let repeat = 1; repeat <= REPEATS; repeat++) {
      const summary = await runNetwork(join(home, `network-${repeat}`), { providers, chain: "none" });
      network.push(summary);
      const job = join(home, `network-${repeat}`, JOB);
      localPerSecond.push(await trainWithoutNetwork(job, providers, join(home, `local-${repeat}`)));
      say(
        `run ${repeat} of ${REPEATS}: network ${figure(summary.samplesPerSecond)} samples/s, local ${figure(localPerSecond.at(-1))}`,
      );
    }
    say("once more, for the memory of each process");
    const { memory } = await watchNetwork(join(home, "memory"), { providers, chain: "none" });
    say("and once with the gate closed, as npm start does");
    const gated = await watchNetwork(join(home, "gated"), { providers, chain: "devnet" });
    return [...rowsOf({ network, memory, localPerSecond, providers }), ...gatedRows(gated, providers)];
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** The same rounds and units in one process for each provider, with nothing between them; rows per second. */
async function trainWithoutNetwork(
  jobPath: string,
  processes: number,
  scratchFolder: string,
): Promise<number> {
  const file = parseJobFile(await readFile(jobPath, "utf8"), jobPath);
  const prepared = await prepareJob(file, { folder: dirname(jobPath), disk: systemDisk });
  const environment = process.env;
  const options = { processes, environment, scratchFolder, isEvaluated: false, clock: systemClock };
  const { metrics, trainedMs } = await trainHere(prepared, options);
  return metrics.reduce((sum, { rows }) => sum + rows, 0) / (trainedMs / 1000);
}

interface NetworkRun {
  readonly providers: number;
  readonly chain: "devnet" | "none";
}

interface Watched {
  readonly summary: Summary;
  readonly memory: MemoryWatch;
}

async function watchNetwork(home: string, run: NetworkRun): Promise<Watched> {
  const watches: MemoryWatch[] = [];
  try {
    const summary = await runNetwork(home, run, (pid) => watches.push(watchMemory(pid, roleOf)));
    const [memory] = watches;
    if (!memory) throw new Error("nothing was started");
    return { summary, memory };
  } finally {
    for (const watch of watches) watch[Symbol.dispose]();
  }
}

async function runNetwork(
  home: string,
  { providers, chain }: NetworkRun,
  onStart: (pid: number) => void = () => {},
): Promise<Summary> {
  const args = ["up", "--once", "--json", "--chain", chain, "--providers", String(providers)];
  const up = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, PINGO_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (up.pid !== undefined) onStart(up.pid);
  const exited = once(up, "exit");
  const stdout = await text(up.stdout);
  const [code] = await exited;
  if (code !== 0) throw new Error(`pingo up ended with ${code}: ${stdout.trim().split("\n").at(-1)}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

function roleOf(commandLine: string): string | undefined {
  if (/apps\/fog\/src\/main\.ts/.test(commandLine)) return "fog node";
  if (/apps\/devnet\/src\/main\.ts/.test(commandLine)) return "devnet";
  if (/apps\/provider\/src\/worker\//.test(commandLine)) return "provider's worker";
  if (/apps\/provider\/src\/main\.ts/.test(commandLine)) return "provider's agent";
  return undefined;
}

interface Measured {
  readonly network: readonly Summary[];
  readonly localPerSecond: readonly number[];
  readonly memory: MemoryWatch;
  readonly providers: number;
}

function rowsOf({ network, localPerSecond, memory, providers }: Measured): Row[] {
  const name = `mnist, ${providers} providers`;
  const of = (read: (summary: Summary) => number): number => median(network.map(read));
  const peakMiB = (role: string): number => peakMiBOf(memory, role);
  const provider = peakMiB("provider's agent") + peakMiB("provider's worker");
  const togetherMiB = (read: (together: Together) => number): number =>
    Math.max(...[...(memory.together.get("provider's agent")?.values() ?? [])].map(read)) / MiB;
  const memoryRow = (metric: string, value: number, bound: number | null): Row =>
    memoryRowOf(name, metric, value, bound);
  return [
    row(
      { case: name, metric: "samples per second", value: of((s) => s.samplesPerSecond), unit: "1/s" },
      { name: `${providers} local processes, no network`, value: median(localPerSecond) },
      { relation: "≥", bound: 0.85 },
    ),
    row({ case: name, metric: "accuracy on held-out digits", value: of((s) => s.accuracy), unit: "" }, null, {
      relation: "≥",
      bound: 0.97,
    }),
    row({ case: name, metric: "whole command", value: of((s) => s.wallSeconds), unit: "s" }, null, {
      relation: "≤",
      bound: 90,
    }),
    row(
      {
        case: name,
        metric: "sent up per provider",
        value: of((s) => s.bytesUp) / providers / MiB,
        unit: "MiB",
      },
      null,
      null,
    ),
    row(
      {
        case: name,
        metric: "fetched per provider",
        value: of((s) => s.bytesDown) / providers / MiB,
        unit: "MiB",
      },
      null,
      null,
    ),
    memoryRow("resident, provider's agent", peakMiB("provider's agent"), null),
    memoryRow("resident, provider's worker", peakMiB("provider's worker"), null),
    memoryRow("resident, provider (both)", provider, 250),
    memoryRow(
      "resident, provider at its largest moment",
      togetherMiB((t) => t.residentBytes),
      250,
    ),
    memoryRow(
      "proportional, provider at its largest moment",
      togetherMiB((t) => t.proportionalBytes),
      null,
    ),
    memoryRow("resident, fog node", peakMiB("fog node"), 500),
  ].filter(({ value }) => Number.isFinite(value));
}

/** Of what `npm start` does: the certificate earned first, and all paid out at the end. */
function gatedRows({ summary, memory }: Watched, providers: number): readonly Row[] {
  const name = `mnist, ${providers} providers, the gate closed`;
  return [
    row({ case: name, metric: "accuracy on held-out digits", value: summary.accuracy, unit: "" }, null, {
      relation: "≥",
      bound: 0.97,
    }),
    row({ case: name, metric: "whole command", value: summary.wallSeconds, unit: "s" }, null, {
      relation: "≤",
      bound: 90,
    }),
    memoryRowOf(name, "resident, fog node", peakMiBOf(memory, "fog node"), 500),
    memoryRowOf(name, "resident, devnet", peakMiBOf(memory, "devnet"), null),
  ].filter(({ value }) => Number.isFinite(value));
}

function peakMiBOf(memory: MemoryWatch, role: string): number {
  return Math.max(...(memory.peaks.get(role)?.values() ?? [])) / MiB;
}

function memoryRowOf(name: string, metric: string, value: number, bound: number | null): Row {
  return row(
    { case: name, metric, value, unit: "MiB" },
    null,
    bound === null ? null : { relation: "≤", bound },
  );
}

function figure(value: number | undefined): string {
  return value === undefined ? "–" : value.toFixed(0);
}
