/** What each operator of a train step costs: ONNX Runtime's own profile of a few steps, the least of each node. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildTrainProgram, type Tensor, type TrainProgram, tuneProgram } from "@pingo/autograd";
import { assertDefined } from "@pingo/core";
import ort from "onnxruntime-node";
import { stepFlops } from "./flops.ts";
import { batchIndices, drawFields, LEARNING_RATE, programOptions, type Workload } from "./workload.ts";

const STEPS = 12;
const LINES_MAX = 24;
const TAIL = "_kernel_time";

interface Cost {
  readonly op: string;
  readonly shapes: string;
  ms: number;
  nodes: number;
}

export async function profileTable(workload: Workload): Promise<string> {
  const program = await tuneProgram(buildTrainProgram(workload.model(), programOptions(workload)));
  const costs = costsOf(await profileOf(workload, program));
  const total = costs.reduce((sum, { ms }) => sum + ms, 0);
  const byOp = Map.groupBy(costs, ({ op }) => op);
  const sums = [...byOp].map(([op, of]): Cost => {
    const nodes = of.reduce((sum, cost) => sum + cost.nodes, 0);
    return { op, shapes: "", nodes, ms: of.reduce((sum, cost) => sum + cost.ms, 0) };
  });
  const gflops = stepFlops(workload.model(), workload.batchSize) / total / 1e6;
  return [
    `${workload.name}: ${total.toFixed(1)} ms in kernels, ${gflops.toFixed(1)} GFLOP/s of matrix work`,
    "",
    ...tableOf(sums, total),
    "",
    ...tableOf(costs, total),
  ].join("\n");
}

async function profileOf(workload: Workload, program: TrainProgram): Promise<readonly ProfileEvent[]> {
  const folder = await mkdtemp(join(tmpdir(), "pingo-profile-"));
  try {
    const session = await ort.InferenceSession.create(program.graph, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      enableMemPattern: false,
      enableProfiling: true,
      profileFilePrefix: join(folder, "steps"),
    });
    await session.run(feedsOf(workload, program, session.inputNames));
    session.endProfiling();
    await session.release();
    const [file] = await readdir(folder);
    return JSON.parse(await readFile(join(folder, assertDefined(file, "a profile")), "utf8"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As the program's contract names them: packages/autograd/src/program/train-program.ts. */
function feedsOf(workload: Workload, { signature, initialWeights }: TrainProgram, names: readonly string[]) {
  const feeds: Record<string, ort.Tensor> = {
    indices: new ort.Tensor("int64", batchIndices(workload, 0, STEPS), [STEPS, workload.batchSize]),
    learningRate: new ort.Tensor("float32", new Float32Array(STEPS).fill(LEARNING_RATE), [STEPS]),
    step: new ort.Tensor(
      "float32",
      Float32Array.from({ length: STEPS }, (_, i) => i + 1),
      [STEPS],
    ),
    stop: new ort.Tensor("int64", new BigInt64Array(1), []),
  };
  const tensorOf = ({ dtype, data, shape }: Tensor) => new ort.Tensor(dtype, data, shape);
  for (const [name, field] of drawFields(workload)) feeds[`field/${name}`] = tensorOf(field);
  let at = 0;
  for (const [i, { shape }] of signature.parameters.entries()) {
    const length = shape.reduce((product, size) => product * size, 1);
    for (const name of names.filter((one) => one.endsWith(`/${i}`))) {
      const isWeight = name === `w/${i}` || name === `s/${i}`;
      const data = isWeight ? initialWeights.slice(at, at + length) : new Float32Array(length);
      feeds[name] = new ort.Tensor("float32", data, shape);
    }
    at += length;
  }
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => names.includes(name)));
}

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

/** Nodes of one operator and the same shapes together, the dearest first. */
function costsOf(events: readonly ProfileEvent[]): readonly Cost[] {
  const nodes = Map.groupBy(
    events.filter(({ cat, name, args }) => cat === "Node" && name.endsWith(TAIL) && args.op_name !== "Scan"),
    ({ name }) => name,
  );
  const costs = new Map<string, Cost>();
  for (const runs of nodes.values()) {
    const [first] = runs;
    if (first === undefined || runs.length < STEPS) continue; // computed once, outside the steps
    const { op_name: op = "", input_type_shape: from = [], output_type_shape: to = [] } = first.args;
    const shapes = `${from.map(shapeText).join(" ")} → ${to.map(shapeText).join(" ")}`;
    const key = `${op} ${shapes}`;
    const cost = costs.get(key) ?? { op, shapes, ms: 0, nodes: 0 };
    cost.ms += Math.min(...runs.map(({ dur }) => dur)) / 1000;
    cost.nodes += 1;
    costs.set(key, cost);
  }
  return [...costs.values()];
}

function shapeText(typed: Readonly<Record<string, readonly number[]>>): string {
  return Object.values(typed)[0]?.join("×") || "·";
}

function tableOf(costs: readonly Cost[], totalMs: number): readonly string[] {
  const dearest = costs.toSorted((a, b) => b.ms - a.ms).slice(0, LINES_MAX);
  return [
    "| operator | nodes | ms | share | shapes |",
    "|---|---|---|---|---|",
    ...dearest.map(
      ({ op, nodes, ms, shapes }) =>
        `| ${op} | ${nodes} | ${ms.toFixed(2)} | ${((100 * ms) / totalMs).toFixed(1)} % | ${shapes} |`,
    ),
  ];
}
