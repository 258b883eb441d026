/** PinGo as a contestant: node ours.ts WORKLOAD THREADS. */
import { createInterface } from "node:readline";
import { buildTrainProgram, openTrainer, tuneProgram } from "@pingo/autograd";
import { assertDefined } from "@pingo/core";
import type { Introduction, Turn } from "./contestant.ts";
import { batchIndices, drawFields, LEARNING_RATE, programOptions } from "./workload.ts";
import { WORKLOADS } from "./workloads.ts";

const [, , name, threads = "1"] = process.argv;
const workload = assertDefined(
  WORKLOADS.find((each) => each.name === name),
  "a workload",
);

const model = workload.model();
const beganMs = performance.now();
const program = buildTrainProgram(model, programOptions(workload));
const builtMs = performance.now();
await using trainer = await openTrainer(await tuneProgram(program, { threads: Number(threads) }));
const openedMs = performance.now();
await trainer.setFields(drawFields(workload));
await trainer.reset(program.initialWeights);
say({
  name: "PinGo",
  buildMs: builtMs - beganMs,
  openMs: openedMs - builtMs,
} satisfies Introduction);

let done = 0;
for await (const line of createInterface(process.stdin)) {
  const { steps }: { steps: number } = JSON.parse(line);
  say(await turn(steps));
}
say({ peakBytes: 1024 * process.resourceUsage().maxRSS });

/** One call: the state stays in ONNX Runtime from step to step. */
async function turn(steps: number): Promise<Turn> {
  const rates = new Float32Array(steps).fill(LEARNING_RATE);
  const cpuBefore = process.cpuUsage();
  const wallBefore = performance.now();
  const losses = await trainer.run(batchIndices(workload, done, steps), rates);
  const wallMs = performance.now() - wallBefore;
  const { user, system } = process.cpuUsage(cpuBefore);
  done += steps;
  return { wallMs, cpuMs: (user + system) / 1000, losses: [...losses] };
}

function say(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
