/**
 * What the network costs: the main job through `pingo up`, beside the same training without a network.
 *
 * One provider per core, as the peer has one process per core. Runs alternate; medians are reported.
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

interface NetworkRun {
  readonly summary: Summary;
  readonly memory: MemoryWatch;
}

export const networkSuite: Suite = {
  name: "network",
  about: "the network beside the same training without it; bytes and memory of each process",
  run: runNetworkSuite,
};

async function runNetworkSuite(say: (line: string) => void): Promise<readonly Row[]> {
  const providers = Math.min(availableParallelism(), PROVIDERS_MAX);
  const home = await mkdtemp(join(tmpdir(), "pingo-bench-"));
  try {
    const network: NetworkRun[] = [];
    const localPerSecond: number[] = [];
    for (let repeat = 1; repeat <= REPEATS; repeat++) {
      const run = await runNetwork(join(home, `network-${repeat}`), providers);
      network.push(run);
      const job = join(home, `network-${repeat}`, JOB);
      localPerSecond.push(await trainWithoutNetwork(job, providers, join(home, `local-${repeat}`)));
      say(
        `run ${repeat} of ${REPEATS}: network ${figure(run.summary.samplesPerSecond)} samples/s, local ${figure(localPerSecond.at(-1))}`,
      );
    }
    return rowsOf(network, localPerSecond, providers);
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
  const options = { processes, scratchFolder, isEvaluated: false, clock: systemClock };
  const { metrics, trainedMs } = await trainHere(prepared, options);
  return metrics.reduce((sum, { rows }) => sum + rows, 0) / (trainedMs / 1000);
}

async function runNetwork(home: string, providers: number): Promise<NetworkRun> {
  const up = spawn(process.execPath, [CLI, "up", "--once", "--json", "--providers", String(providers)], {
    env: { ...process.env, PINGO_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  using memory = watchMemory(up.pid ?? 0, roleOf);
  const exited = once(up, "exit");
  const stdout = await text(up.stdout);
  const [code] = await exited;
  if (code !== 0) throw new Error(`pingo up ended with ${code}: ${stdout.trim().split("\n").at(-1)}`);
  return { summary: JSON.parse(stdout.trim().split("\n").at(-1) ?? ""), memory };
}

function roleOf(commandLine: string): string | undefined {
  if (/apps\/fog\/src\/main\.ts/.test(commandLine)) return "fog node";
  if (/apps\/provider\/src\/worker\//.test(commandLine)) return "provider's worker";
  if (/apps\/provider\/src\/main\.ts/.test(commandLine)) return "provider's agent";
  return undefined;
}

function rowsOf(network: readonly NetworkRun[], localPerSecond: readonly number[], providers: number): Row[] {
  const name = `mnist, ${providers} providers`;
  const of = (read: (summary: Summary) => number): number =>
    median(network.map(({ summary }) => read(summary)));
  const peakMiB = (role: string): number =>
    median(network.map(({ memory }) => Math.max(...(memory.peaks.get(role)?.values() ?? [])) / MiB));
  const provider = peakMiB("provider's agent") + peakMiB("provider's worker");
  const togetherMiB = (read: (together: Together) => number): number =>
    median(
      network.map(({ memory }) => {
        const moments = [...(memory.together.get("provider's agent")?.values() ?? [])];
        return Math.max(...moments.map(read)) / MiB;
      }),
    );
  const memoryRow = (metric: string, value: number, bound: number | null): Row =>
    row({ case: name, metric, value, unit: "MiB" }, null, bound === null ? null : { relation: "≤", bound });
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

function figure(value: number | undefined): string {
  return value === undefined ? "–" : value.toFixed(0);
}
