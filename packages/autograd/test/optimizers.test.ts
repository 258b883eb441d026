import type { Optimizer } from "@pingo/core";
import { expect, test } from "vitest";
import { MUON_SCALE, NEWTON_SCHULZ } from "../src/optimizer/muon.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { initialState, MLP_OPTIONS, mlp, mlpRows, nextState, random, trainFeeds } from "./programs.ts";
import { floatsOf, i64, node, openGraph } from "./run-graph.ts";

const RATES = [0.01, 0.02, 0.005, 0.01];
const BATCHES = [
  [0, 3, 5],
  [7, 1, 1],
  [2, 4, 6],
  [5, 0, 2],
];
const FIELDS = mlpRows(2);
const PROGRAM = { ...MLP_OPTIONS, batchSize: 3 };
/** Its first moment is the gradient. */
const PROBE: Optimizer = { sgd: { learningRate: 1, weightDecay: 0, momentum: 0.5, nesterov: false } };
const DECAY = 0.1;

type Vector = readonly number[];
interface Step {
  readonly w: Vector;
  readonly g: Vector;
  readonly shape: readonly number[];
  readonly rate: number;
  readonly decay: number;
  readonly t: number;
  readonly slots: Map<string, Vector>;
}
/** The next weights, in float64; keeps what it must in `slots`. */
type Reference = (step: Step) => Vector;

const zip = (a: Vector, b: Vector, f: (p: number, q: number) => number) => a.map((p, i) => f(p, b[i] ?? 0));
const slot = ({ slots, w }: Step, name: string) => slots.get(name) ?? w.map(() => 0);

const sgd =
  (momentum: number, nesterov: boolean): Reference =>
  (step) => {
    const d = zip(step.g, step.w, (g, w) => g + step.decay * w);
    const m = zip(slot(step, "m"), d, (before, now) => momentum * before + now);
    step.slots.set("m", m);
    const direction = nesterov ? zip(d, m, (p, q) => p + momentum * q) : m;
    return zip(step.w, direction, (w, each) => w - step.rate * each);
  };

const adamW: Reference = (step) => {
  const m = zip(slot(step, "m"), step.g, (before, g) => 0.9 * before + 0.1 * g);
  const v = zip(slot(step, "v"), step.g, (before, g) => 0.99 * before + 0.01 * g * g);
  step.slots.set("m", m).set("v", v);
  const direction = zip(
    m,
    v,
    (p, q) => p / (1 - 0.9 ** step.t) / (Math.sqrt(q / (1 - 0.99 ** step.t)) + 1e-8),
  );
  return zip(step.w, direction, (w, each) => w - step.rate * (each + step.decay * w));
};

const lion: Reference = (step) => {
  const m = slot(step, "m");
  const direction = zip(m, step.g, (before, g) => Math.sign(0.9 * before + 0.1 * g));
  step.slots.set(
    "m",
    zip(m, step.g, (before, g) => 0.99 * before + 0.01 * g),
  );
  return zip(step.w, direction, (w, each) => w - step.rate * (each + step.decay * w));
};

const muon: Reference = (step) => {
  const [rows = 0, columns = 0] = step.shape;
  if (step.shape.length < 2) return adamW(step);
  const m = zip(slot(step, "m"), step.g, (before, g) => 0.95 * before + g);
  step.slots.set("m", m);
  const slope = zip(step.g, m, (g, moment) => g + 0.95 * moment);
  const matrix = Array.from({ length: rows }, (_, r) => slope.slice(r * columns, (r + 1) * columns));
  const direction = orthogonal(matrix).flat();
  const size = step.rate * MUON_SCALE * Math.sqrt(Math.max(rows, columns));
  return zip(step.w, direction, (w, each) => w - size * each - step.rate * step.decay * w);
};

type Matrix = readonly Vector[];
const transposed = (a: Matrix): Matrix => (a[0] ?? []).map((_, c) => a.map((row) => row[c] ?? 0));
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => transposed(b).map((column) => zip(row, column, (p, q) => p * q).reduce((s, x) => s + x, 0)));
const combined = (p: number, a: Matrix, q: number, b: Matrix): Matrix =>
  a.map((row, r) => zip(row, b[r] ?? [], (x, y) => p * x + q * y));

function orthogonal(matrix: Matrix): Matrix {
  if (matrix.length > (matrix[0]?.length ?? 0)) return transposed(orthogonal(transposed(matrix)));
  const norm = Math.hypot(...matrix.flat()) + 1e-7;
  const { a, b, c, steps } = NEWTON_SCHULZ;
  let x: Matrix = matrix.map((row) => row.map((each) => each / norm));
  for (let i = 0; i < steps; i++) {
    const gram = product(x, transposed(x));
    x = combined(a, x, 1, product(combined(b, gram, c, product(gram, gram)), x));
  }
  return x;
}

const RATE = { learningRate: 0.01, weightDecay: DECAY };
const MOMENTS = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };

const OPTIMIZERS = [
  ["AdamW", { adamw: { ...RATE, ...MOMENTS } }, adamW, 1e-5],
  ["gradient descent", { sgd: { ...RATE, momentum: 0, nesterov: false } }, sgd(0, false), 1e-5],
  ["momentum", { sgd: { ...RATE, momentum: 0.9, nesterov: false } }, sgd(0.9, false), 1e-5],
  ["Nesterov momentum", { sgd: { ...RATE, momentum: 0.9, nesterov: true } }, sgd(0.9, true), 1e-5],
  ["Lion", { lion: { ...RATE, beta1: 0.9, beta2: 0.99 } }, lion, 1e-5],
  ["Muon", { muon: { ...RATE, ...MOMENTS, momentum: 0.95 } }, muon, 1e-4],
] as const;

test.for(OPTIMIZERS)("%s steps as its reference in float64", async ([, optimizer, reference, tolerance]) => {
  expect(await worstDifference(optimizer, reference)).toBeLessThan(tolerance);
});

test.for(OPTIMIZERS)(
  "%s lets decay and rates of their own reach what their patterns name",
  async ([, optimizer, reference, tolerance]) => {
    const rates = [
      { pattern: "a.bias", factor: 4 },
      { pattern: "a.*", factor: 0.25 },
      { pattern: "*.bias", factor: 0.5 },
    ];
    const decay = { only: ["a.*", "b.bias"], exclude: ["*.weight"] };
    const factors: Readonly<Record<string, number>> = {
      "a.weight": 0.25,
      "a.bias": 4,
      "b.weight": 1,
      "b.bias": 0.5,
    };
    const choice: Choice = (name) => ({
      decay: name.endsWith(".bias") ? DECAY : 0,
      factor: factors[name] ?? 0,
    });
    expect(await worstDifference({ ...optimizer, decay, rates }, reference, choice)).toBeLessThan(tolerance);
    const exclude: Choice = (name) => ({ decay: name === "b.weight" ? DECAY : 0, factor: 1 });
    const excluding = { ...optimizer, decay: { exclude: ["a.*"] } };
    expect(await worstDifference(excluding, reference, exclude)).toBeLessThan(tolerance);
  },
);

test("Muon leaves what is no matrix, and what rows are looked up in, to AdamW", () => {
  const optimizer = { muon: { ...RATE, ...MOMENTS, momentum: 0.95 } };
  const model = mlp(4, 6, 3, {
    initializers: new Map([
      ["table", random(9, [5, 6])],
      ["rows", i64([3], [0, 4, 1])],
    ]),
    nodes: [
      node("Gather", ["table", "rows"], ["looked"], { axis: 0 }),
      node("Add", ["h", "looked"], ["h1"], {}),
    ],
  });
  const { parameters } = buildTrainProgram(model, { ...PROGRAM, optimizer }).signature;
  expect(parameters.map(({ name, slots }) => [name, slots?.join("")])).toEqual([
    ["a.weight", "m"],
    ["a.bias", "mv"],
    ["table", "mv"],
    ["b.weight", "m"],
    ["b.bias", "mv"],
  ]);
});

test("gradients are scaled to the norm that clipNorm allows, all together, and left alone below it", async () => {
  const clipped = await gradients({ ...PROBE, clipNorm: 0.25 });
  const whole = await gradients(PROBE);
  const norm = Math.hypot(...whole);
  expect(norm).toBeGreaterThan(0.25);
  for (const [i, g] of whole.entries()) expect(clipped[i]).toBeCloseTo((g * 0.25) / norm, 6);
  expect(await gradients({ ...PROBE, clipNorm: 100 })).toEqual(whole);
});

async function gradients(optimizer: Optimizer): Promise<number[]> {
  const program = buildTrainProgram(mlp(4, 6, 3), { ...PROGRAM, optimizer });
  const results = await (await openGraph(program.graph))(trainFeeds(program, FIELDS, [[0, 3, 5]], [0]));
  return program.signature.parameters.flatMap((_, i) => floatsOf(results.get(`m/${i}/next`)));
}

/** What decays, and what the rate is multiplied by. */
type Choice = (name: string, shape: readonly number[]) => { readonly decay: number; readonly factor: number };
const usual: Choice = (_, shape) => ({ decay: shape.length >= 2 ? DECAY : 0, factor: 1 });

async function worstDifference(
  optimizer: Optimizer,
  reference: Reference,
  choice: Choice = usual,
): Promise<number> {
  const model = mlp(4, 6, 3);
  const program = buildTrainProgram(model, { ...PROGRAM, optimizer });
  const probe = buildTrainProgram(model, { ...PROGRAM, optimizer: PROBE });
  const [run, runProbe] = await Promise.all([openGraph(program.graph), openGraph(probe.graph)]);
  const slots = program.signature.parameters.map(() => new Map<string, Vector>());
  let state = initialState(program);
  let worst = 0;
  for (const [k, batch] of BATCHES.entries()) {
    const probeState = new Map([
      ...initialState(probe),
      ...[...state].filter(([border]) => border.startsWith("w/")),
    ]);
    const probed = await runProbe(trainFeeds(probe, FIELDS, [batch], [0], { state: probeState }));
    const feed = { state, stepsBefore: k };
    const results = await run(trainFeeds(program, FIELDS, [batch], RATES.slice(k, k + 1), feed));
    for (const [i, { name, shape }] of program.signature.parameters.entries()) {
      const { decay, factor } = choice(name, shape);
      const expected = reference({
        w: floatsOf(state.get(`w/${i}`)),
        g: floatsOf(probed.get(`m/${i}/next`)),
        shape,
        rate: factor * (RATES[k] ?? 0),
        decay,
        t: k + 1,
        slots: slots[i] ?? new Map(),
      });
      const found = floatsOf(results.get(`w/${i}/next`));
      worst = Math.max(worst, ...zip(found, expected, (p, q) => Math.abs(p - q)));
    }
    state = nextState(results);
  }
  return worst;
}
