import { join, resolve } from "node:path";
import type { TrainProgram } from "@pingo/autograd";
import { describeLeftOut, formatBytes, groupLeftOut } from "@pingo/core";
import type { LocalResult, PreparedJob } from "@pingo/sdk";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import type { Context } from "../context.ts";
import { EXIT_INTERRUPTED } from "../exit-codes.ts";
import { loadJobTellingAll } from "../load-job.ts";
import { startAsWorker } from "../local/as-worker.ts";
import { optionsOf } from "../options.ts";
import { createLocalScreen } from "../view/local-progress.ts";

const PROCESSES_MAX = 64;

const HELP = `
The job file is that of "pingo train", with the same objective, optimizer, schedule and checks; nothing is sent anywhere.
rounds × stepsPerRound steps are taken one after another in one place, with one optimizer state and no time limit: this is
what training by many is compared with. A round is where the model is evaluated. With --processes, each round is cut into
units and averaged with an outer step, as the network does it, on the cores of this machine. "average" of the job file is kept by step
where there are no rounds, by round where there are.

The step is cut into micro-batches, or parts of it are computed again, until its plan keeps to the memory that the job file gives
a worker (512Mi where it says nothing), or to --memory: the result is the same but for rounding. Data comes on top.

Ctrl-C keeps what is done: the model so far is written, and the exit code is 130.

Examples:
  pingo autograd train job.yaml                    model.onnx, metrics.json, provenance.json in $PINGO_HOME/local/NAME
  pingo autograd train job.yaml --out ./trained
  pingo autograd train job.yaml --processes 4      as the network would, without the network
  pingo autograd train job.yaml --json             one line at the end`;

export function autogradTrainCommand(run: Run): Command {
  return new Command("train")
    .description("train a job file on this machine alone, without the network")
    .argument("<file>", "job file (YAML or JSON)")
    .option("--out <folder>", "where the result goes (default: $PINGO_HOME/local/NAME)")
    .option("--processes <n>", "rounds of so many units, as the network has them (default: 1, no rounds)")
    .option(
      "--memory <size>",
      "what training may add to its process, such as 200Mi (default: workers.resources.memory)",
    )
    .addHelpText("after", HELP)
    .action(run(train));
}

async function train(context: Context, command: Command): Promise<number> {
  const { screen, ports, signal, config } = context;
  startAsWorker(config.inherited);
  const options = optionsOf(command);
  const processes = options.whole("processes", { min: 1, max: PROCESSES_MAX }) ?? 1;
  const memoryLimitBytes = options.size("memory");
  const prepared = await loadJobTellingAll(context, command.args[0] ?? "", {
    isInOnePlace: processes === 1,
    ...(memoryLimitBytes !== undefined && { memoryLimitBytes }),
  });
  const { file } = prepared;
  const { leftOut } = prepared.programs.train;
  for (const group of groupLeftOut(leftOut)) screen.line(`left out ${describeLeftOut(group)}`);
  const folder = resolve(options.text("out") ?? join(config.home, "local", file.name));
  const scratchFolder = join(config.home, "local", `.${file.name}-${ports.prng.u32()}`);
  const { trainHere } = await import("@pingo/sdk");
  const shown = createLocalScreen(screen, file.schedule.rounds);
  try {
    const result = await trainHere(prepared, {
      processes,
      environment: config.inherited,
      scratchFolder,
      clock: ports.clock,
      signal,
      onProgress: (progress) => shown.show(progress),
    });
    shown.end();
    const files = await writeResult(context, folder, result);
    const plan = await planOf(prepared, result);
    const { layout } = prepared.programs.train;
    tell(context, file.name, { result, files, plan, layout, leftOut, processes });
    return result.isComplete ? 0 : EXIT_INTERRUPTED;
  } finally {
    shown.end();
    await ports.disk.remove(scratchFolder);
  }
}

interface Files {
  readonly model: string;
  readonly metrics: string;
  readonly provenance: string;
  readonly adapters?: string;
  readonly rawModel?: string;
}

async function writeResult({ ports }: Context, folder: string, result: LocalResult): Promise<Files> {
  const json = (value: unknown): Uint8Array =>
    new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  const write = async (name: string, bytes: Uint8Array): Promise<string> => {
    const path = join(folder, name);
    await ports.disk.write(path, bytes);
    return path;
  };
  return {
    model: await write("model.onnx", result.model),
    metrics: await write("metrics.json", json(result.metrics)),
    provenance: await write("provenance.json", json(result.provenance)),
    ...(result.adapters && { adapters: await write("adapters.safetensors", result.adapters) }),
    ...(result.rawModel && { rawModel: await write("model-raw.onnx", result.rawModel) }),
  };
}

/** Of what was run here: tuned for this machine, in calls as they were. */
async function planOf(
  { programs }: PreparedJob,
  { stepsPerCall }: LocalResult,
): Promise<TrainProgram["memory"]> {
  const { planRun } = await import("@pingo/autograd");
  return planRun(programs.train, { isTuned: true, ...(stepsPerCall ? { stepsPerCall } : {}) });
}

interface Outcome {
  readonly result: LocalResult;
  readonly files: Files;
  readonly plan: TrainProgram["memory"];
  readonly layout: TrainProgram["layout"];
  readonly leftOut: TrainProgram["leftOut"];
  readonly processes: number;
}

function tell({ screen }: Context, name: string, outcome: Outcome): void {
  const { result, files, plan, layout, leftOut, processes } = outcome;
  const plannedBytes = plan.totalBytes;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const { metrics, isComplete, trainedMs } = result;
  const steps = metrics.reduce((sum, metric) => sum + metric.steps, 0);
  const rows = metrics.reduce((sum, metric) => sum + metric.rows, 0);
  const seconds = trainedMs / 1000;
  if (!isComplete) screen.line(screen.paint("yellow", `interrupted after ${steps} steps; they are kept`));
  const planned =
    processes === 1
      ? `${formatBytes(plannedBytes)} of it planned for training`
      : `${formatBytes(plannedBytes)} planned for training in each of the other ${processes}`;
  screen.line(`memory ${formatBytes(peakBytes)} at most in this process, ${planned}`);
  screen.line(`model ${files.model}`);
  screen.json({
    name,
    state: isComplete ? "succeeded" : "interrupted",
    steps,
    rows,
    seconds,
    samplesPerSecond: seconds > 0 ? rows / seconds : 0,
    loss: metrics.at(-1)?.trainLoss ?? null,
    testLoss: metrics.findLast(({ testLoss }) => testLoss !== null)?.testLoss ?? null,
    accuracy: metrics.findLast(({ testAccuracy }) => testAccuracy !== null)?.testAccuracy ?? null,
    memory: { plannedBytes, peakBytes, ...layout },
    leftOut,
    files,
  });
}
