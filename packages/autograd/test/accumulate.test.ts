import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Graph } from "../src/graph/graph.ts";
import { buildEvaluationProgram } from "../src/program/evaluation-program.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import {
  batchNorm,
  dropout,
  evaluationFeeds,
  initialState,
  MLP_OPTIONS,
  mlp,
  nextState,
  random,
  type State,
  trainFeeds,
} from "./programs.ts";
import { floatsOf, openGraph } from "./run-graph.ts";

const ROWS = 24;
const FIELDS = new Map([
  ["x", random(7, [ROWS, 4], 2)],
  [
    "label",
    {
      dtype: "uint8",
      shape: [ROWS],
      data: Uint8Array.from({ length: ROWS }, (_, i) => (i * 7) % 3),
    } as const,
  ],
  ["wanted", random(8, [ROWS, 3])],
]);
const OPTIONS: ProgramOptions = {
  ...MLP_OPTIONS,
  optimizer: {
    adamw: { learningRate: 0.01, weightDecay: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 },
    clipNorm: 0.5,
  },
  batchSize: 12,
};
const REGRESSION: Partial<ProgramOptions> = {
  fields: [
    { name: "x", dtype: "float32", rowShape: [4] },
    { name: "wanted", dtype: "float32", rowShape: [3] },
  ],
  target: "wanted",
  loss: "huber",
};
const BATCHES = Array.from({ length: 3 }, (_, k) =>
  Array.from({ length: 12 }, (_, i) => (5 * i + 7 * k) % ROWS),
);
const RATES = [0.01, 0.02, 0.01];

async function trained(model: Graph, options: ProgramOptions): Promise<State> {
  const program = buildTrainProgram(model, options);
  return (await openGraph(program.graph))(trainFeeds(program, FIELDS, BATCHES, RATES));
}

function worstDifference(a: State, b: State): number {
  expect([...a.keys()]).toEqual([...b.keys()]);
  const differences = [...a].flatMap(([name, tensor]) => {
    const others = floatsOf(b.get(name));
    return floatsOf(tensor).map((value, i) => Math.abs(value - (others[i] ?? Number.NaN)));
  });
  return Math.max(...differences);
}

describe("a batch in micro-batches", () => {
  test.for<readonly [string, Partial<ProgramOptions>]>([
    ["equal weights", {}],
    ["class weights and an ignored label", { lossSettings: { classWeights: [0.2, 3, 1], ignoreIndex: 0 } }],
    ["label smoothing", { lossSettings: { labelSmoothing: 0.2, classWeights: [0.2, 3, 1] } }],
    ["numbers as targets", REGRESSION],
  ])("with %s steps as the whole batch does, however it is cut", async ([, change]) => {
    const options = { ...OPTIONS, ...change };
    const whole = await trained(mlp(4, 6, 3), options);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(2, 3, 4, 6, 12), async (microBatches) => {
        const cut = await trained(mlp(4, 6, 3), { ...options, microBatches });
        expect(worstDifference(cut, whole)).toBeLessThan(2e-6);
      }),
      { numRuns: 5 },
    );
  });

  test.for([
    ["a plain model", {}],
    ["batch norm", batchNorm],
    ["dropout", dropout],
  ] as const)(
    "of %s: K steps in one call equal K calls of one step, to the last bit",
    async ([, between]) => {
      const program = buildTrainProgram(mlp(4, 6, 3, between), { ...OPTIONS, microBatches: 3 });
      const run = await openGraph(program.graph);
      const whole = await run(trainFeeds(program, FIELDS, BATCHES, RATES));
      let state: State = initialState(program);
      const losses: number[] = [];
      for (const [k, batch] of BATCHES.entries()) {
        const feed = { state, stepsBefore: k };
        const results = await run(trainFeeds(program, FIELDS, [batch], RATES.slice(k, k + 1), feed));
        losses.push(...floatsOf(results.get("loss")));
        state = nextState(results);
      }
      expect(losses).toEqual(floatsOf(whole.get("loss")));
      expect(state).toEqual(nextState(whole));
    },
  );

  test("lets running statistics follow each of them in turn", async () => {
    const model = mlp(4, 6, 3, batchNorm);
    const cut = buildTrainProgram(model, { ...OPTIONS, microBatches: 3 });
    const small = buildTrainProgram(model, { ...OPTIONS, batchSize: 4 });
    const [batch = []] = BATCHES;
    const parts = [batch.slice(0, 4), batch.slice(4, 8), batch.slice(8)];
    // At a rate of zero three small steps see what the three passes of one step see.
    const one = await (await openGraph(cut.graph))(trainFeeds(cut, FIELDS, [batch], [0]));
    const three = await (await openGraph(small.graph))(trainFeeds(small, FIELDS, parts, [0, 0, 0]));
    const statistics = cut.signature.parameters.flatMap(({ kind }, i) =>
      kind === "statistic" ? [`s/${i}/next`] : [],
    );
    expect(statistics).toHaveLength(2);
    for (const name of statistics) expect(one.get(name)).toEqual(three.get(name));
  });

  test("is a batch of the signature's size to whoever feeds it, and evaluates as before", async () => {
    const options = { ...OPTIONS, microBatches: 4 };
    const whole = buildTrainProgram(mlp(4, 6, 3), OPTIONS);
    expect(buildTrainProgram(mlp(4, 6, 3), options).signature).toEqual(whole.signature);
    const [plain, cut] = await Promise.all(
      [OPTIONS, options].map(async (each) => {
        const evaluation = buildEvaluationProgram(mlp(4, 6, 3), each);
        return (await openGraph(evaluation.graph))(evaluationFeeds(whole, evaluation, FIELDS));
      }),
    );
    expect(floatsOf(cut?.get("correct"))).toEqual(floatsOf(plain?.get("correct")));
    expect(floatsOf(cut?.get("count"))).toEqual([ROWS]);
    expect(floatsOf(cut?.get("lossSum"))[0]).toBeCloseTo(floatsOf(plain?.get("lossSum"))[0] ?? 0, 4);
  });
});

test("a batch that cannot be cut evenly is refused, saying what to change", () => {
  expect(() => buildTrainProgram(mlp(4, 6, 3), { ...OPTIONS, microBatches: 5 })).toThrow(
    "a batch of 12 rows cannot be cut into 5 micro-batches of as many rows: make the batch size a multiple of 5",
  );
});
