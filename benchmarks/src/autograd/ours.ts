/** PinGo as a contestant: node ours.ts WORKLOAD THREADS. */
import { createInterface } from "node:readline";
import { buildTrainProgram, openTrainer, tuneProgram } from "@pingo/autograd";
import { assertDefined } from "@pingo/core";
import { stepsOfCall } from "@pingo/training";
import type { Introduction, Turn } from "./contestant.ts";
import { batchIndices, drawFields, LEARNING_RATE, programOptions } from "./workload.ts";
import { WORKLOADS } from "./workloads.ts";

const [, , name, threads = "1"] = process.argv;
const workload = assertDefined(
  WORKLOADS.find((each) => each.name === name),
  "a workload",
);

const beganMs = performance.now();
const { trainer, introduction } = await start();
await using _ended = trainer;
// What building left behind, as in a provider, to which programs come built.
globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
say(introduction);

let done = 0;
let stepMs: number | undefined;
for await (const line of createInterface(process.stdin)) {
  const { steps }: { steps: number } = JSON.parse(line);
  say(await turn(steps));
}
say({ peakBytes: 1024 * process.resourceUsage().maxRSS });

async function start() {
  const program = buildTrainProgram(workload.model(), programOptions(workload));
  const builtMs = performance.now();
  const opened = await openTrainer(await tuneProgram(program, { threads: Number(threads) }));
  const openedMs = performance.now();
  await opened.setFields(drawFields(workload));
  await opened.reset(program.initialWeights);
  const made: Introduction = { name: "PinGo", buildMs: builtMs - beganMs, openMs: openedMs - builtMs };
  return { trainer: opened, introduction: made };
}

/** In calls of as many steps as a provider's: the state stays in ONNX Runtime from step to step. */
async function turn(steps: number): Promise<Turn> {
  const losses: number[] = [];
  const cpuBefore = process.cpuUsage();
  const wallBefore = performance.now();
  while (losses.length < steps) {
    const count = stepsOfCall(trainer.signature, stepMs, steps - losses.length);
    const calledMs = performance.now();
    const indices = batchIndices(workload, done, count);
    losses.push(...(await trainer.run(indices, new Float32Array(count).fill(LEARNING_RATE))));
    stepMs = (performance.now() - calledMs) / count;
    done += count;
  }
  const wallMs = performance.now() - wallBefore;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMs, cpuMs: (user + system) / 1000, losses };
}

function say(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
