/** Recurrent layers, step by step as ONNX defines them. */
import { type Activation, type ActivationName, activationsOf } from "../graph/activation.ts";
import type { RecurrentAttributes } from "../graph/ops/recurrent.ts";
import type { Evaluations, Step } from "./step.ts";
import { type ReferenceValue, reals } from "./value.ts";

type RecurrentOp = keyof RecurrentAttributes;

/** One direction of a layer: what it needs for one row of the batch at one time. */
interface Cell {
  readonly hidden: number;
  /** Row j of gate g: Σ w·x + bias of the input side. */
  input(gate: number, j: number): number;
  /** Row j of gate g: Σ r·h + bias of the recurrent side. */
  recurrent(gate: number, j: number, h: readonly number[]): number;
  peephole(gate: number, j: number): number;
  /** Of a gate's sum, which `clip` bounds. */
  activate(which: number, sum: number): number;
  /** What ONNX Runtime does not bound. */
  activateFreely(which: number, x: number): number;
}

interface State {
  readonly h: readonly number[];
  readonly c: readonly number[];
}

type Advance<K extends RecurrentOp> = (cell: Cell, state: State, step: Step<K>) => State;

export const recurrentEvaluations: Evaluations<RecurrentOp> = {
  RNN: (step) => run(step, { gates: 1, activations: 1 }, advanceRnn),
  GRU: (step) => run(step, { gates: 3, activations: 2 }, advanceGru),
  LSTM: (step) => run(step, { gates: 4, activations: 3 }, advanceLstm),
};

function each(count: number, of: (j: number) => number): number[] {
  return Array.from({ length: count }, (_, j) => of(j));
}

function advanceRnn(cell: Cell, { h, c }: State): State {
  return { h: each(cell.hidden, (j) => cell.activate(0, cell.input(0, j) + cell.recurrent(0, j, h))), c };
}

function advanceGru(cell: Cell, { h, c }: State, step: Step<"GRU">): State {
  const [Z, R, H] = [0, 1, 2];
  const gate = (which: number) =>
    each(cell.hidden, (j) => cell.activate(0, cell.input(which, j) + cell.recurrent(which, j, h)));
  const [z, r] = [gate(Z), gate(R)];
  const held = h.map((value, j) => value * r[j]!);
  const n = each(cell.hidden, (j) => {
    const own =
      step.attributes.linear_before_reset === 0
        ? cell.recurrent(H, j, held)
        : r[j]! * cell.recurrent(H, j, h);
    return cell.activate(1, cell.input(H, j) + own);
  });
  return { h: each(cell.hidden, (j) => (1 - z[j]!) * n[j]! + z[j]! * h[j]!), c };
}

function advanceLstm(cell: Cell, { h, c }: State): State {
  const [I, O, F, C] = [0, 1, 2, 3];
  const sum = (gate: number, j: number) => cell.input(gate, j) + cell.recurrent(gate, j, h);
  const next = each(cell.hidden, (j) => {
    const i = cell.activate(0, sum(I, j) + cell.peephole(I, j) * c[j]!);
    const f = cell.activate(0, sum(F, j) + cell.peephole(F, j) * c[j]!);
    return f * c[j]! + i * cell.activate(1, sum(C, j));
  });
  const out = (j: number) => cell.activate(0, sum(O, j) + cell.peephole(O, j) * next[j]!);
  return { h: each(cell.hidden, (j) => out(j) * cell.activateFreely(2, next[j]!)), c: next };
}

function run<K extends RecurrentOp>(
  step: Step<K>,
  layer: { readonly gates: number; readonly activations: number },
  advance: Advance<K>,
): ReferenceValue[] {
  const attributes: RecurrentAttributes["RNN"] = step.attributes;
  const { hidden_size: hidden, direction, layout } = attributes;
  const [x, w, r] = [step.reals(0), step.reals(1).data, step.reals(2).data];
  const features = x.shape[2]!;
  const [time, batch] = layout === 0 ? [x.shape[0]!, x.shape[1]!] : [x.shape[1]!, x.shape[0]!];
  const directions = direction === "bidirectional" ? 2 : 1;
  const optional = (i: number) => (step.has(i) ? step.reals(i).data : undefined);
  const [bias, h0, c0, peepholes] = [3, 5, 6, 7].map(optional);
  const lengths = step.has(4) ? step.numbers(4) : each(batch, () => time);
  const activations = activationsOf(attributes);
  const rows = layer.gates * hidden;
  const stateAt = (d: number, b: number) => (layout === 0 ? d * batch + b : b * directions + d) * hidden;
  const yAt = (t: number, d: number, b: number) =>
    (layout === 0 ? (t * directions + d) * batch + b : (b * time + t) * directions + d) * hidden;
  const y = new Float64Array(time * directions * batch * hidden);
  const [yh, yc] = [0, 1].map(() => new Float64Array(directions * batch * hidden));
  for (let d = 0; d < directions; d++) {
    const isReverse = direction === "reverse" || d === 1;
    for (let b = 0; b < batch; b++) {
      const length = lengths[b]!;
      const start = (given: Float64Array | undefined) => each(hidden, (j) => given?.[stateAt(d, b) + j] ?? 0);
      let state: State = { h: start(h0), c: start(c0) };
      for (let k = 0; k < length; k++) {
        const t = isReverse ? length - 1 - k : k;
        const xFrom = (layout === 0 ? t * batch + b : b * time + t) * features;
        const biasAt = (side: number, gate: number, j: number) =>
          bias?.[(2 * d + side) * rows + gate * hidden + j] ?? 0;
        state = advance(
          {
            hidden,
            input: (gate, j) => {
              const from = (d * rows + gate * hidden + j) * features;
              return each(features, (i) => w[from + i]! * x.data[xFrom + i]!).reduce(
                (total, one) => total + one,
                biasAt(0, gate, j),
              );
            },
            recurrent: (gate, j, h) => {
              const from = (d * rows + gate * hidden + j) * hidden;
              return h.reduce((total, one, i) => total + r[from + i]! * one, biasAt(1, gate, j));
            },
            peephole: (gate, j) => peepholes?.[(3 * d + gate) * hidden + j] ?? 0,
            activateFreely: (which, value) => activated(activations[d * layer.activations + which]!, value),
            activate: (which, value) =>
              activated(activations[d * layer.activations + which]!, clipped(value, attributes.clip)),
          },
          state,
          step,
        );
        y.set(state.h, yAt(t, d, b));
      }
      yh!.set(state.h, stateAt(d, b));
      yc!.set(state.c, stateAt(d, b));
    }
  }
  const shape = layout === 0 ? [time, directions, batch, hidden] : [batch, time, directions, hidden];
  const states = layout === 0 ? [directions, batch, hidden] : [batch, directions, hidden];
  return [
    reals(x.dtype, shape, (i) => y[i]!),
    reals(x.dtype, states, (i) => yh![i]!),
    reals(x.dtype, states, (i) => yc![i]!),
  ];
}

function clipped(x: number, bound: number | undefined): number {
  return bound === undefined || bound === 0 ? x : Math.min(Math.max(x, -bound), bound);
}

const ACTIVATED: { readonly [N in ActivationName]: (x: number, settings: Activation) => number } = {
  Affine: (x, { alpha, beta }) => alpha * x + beta,
  Elu: (x, { alpha }) => (x < 0 ? alpha * Math.expm1(x) : x),
  HardSigmoid: (x, { alpha, beta }) => Math.min(Math.max(alpha * x + beta, 0), 1),
  LeakyRelu: (x, { alpha }) => (x < 0 ? alpha * x : x),
  Relu: (x) => Math.max(x, 0),
  ScaledTanh: (x, { alpha, beta }) => alpha * Math.tanh(beta * x),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  Softsign: (x) => x / (1 + Math.abs(x)),
  Tanh: Math.tanh,
  ThresholdedRelu: (x, { alpha }) => (x > alpha ? x : 0),
};

function activated(activation: Activation, x: number): number {
  return ACTIVATED[activation.name](x, activation);
}
