/**
 * Recurrent layers over [N, positions, width], with PyTorch's parameters: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`,
 * `bias_hh_l0`, and the same with `_reverse` for the way back.
 *
 * PyTorch and ONNX stack the gates of a cell in different orders: the graph puts them right, a step of nothing but copies.
 */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { droppedOut } from "./dropout.ts";
import { type LayerOptions, reshapeTo } from "./options.ts";

export interface RecurrentOptions extends LayerOptions {
  readonly hidden: number;
  /** One on top of the other; 1 unless given. */
  readonly layers?: number;
  /** Reads backwards as well: the result is twice as wide. */
  readonly bidirectional?: boolean;
  readonly bias?: boolean;
  /** Between layers, while training. */
  readonly dropout?: number;
  /** "sequence": the state at every position; "last": the last state of each direction, [N, hidden]. */
  readonly output?: "sequence" | "last";
}

interface Cell {
  readonly op: "LSTM" | "GRU" | "RNN";
  /** Which of PyTorch's gates comes where in ONNX. */
  readonly gates: readonly number[];
}

/** PyTorch: input, forget, cell, output. ONNX: input, output, forget, cell. */
const LSTM: Cell = { op: "LSTM", gates: [0, 3, 1, 2] };
/** PyTorch: reset, update, new. ONNX: update, reset, hidden. */
const GRU: Cell = { op: "GRU", gates: [1, 0, 2] };
const RNN: Cell = { op: "RNN", gates: [0] };

/** float32[N, positions, width] → float32[N, positions, hidden]. SOURCE: Hochreiter & Schmidhuber, 1997. */
export function lstm(b: GraphBuilder, x: Value, options: RecurrentOptions): Value {
  return recurrent(b, x, options, LSTM);
}

/** float32[N, positions, width] → float32[N, positions, hidden]. SOURCE: Cho et al., 2014. */
export function gru(b: GraphBuilder, x: Value, options: RecurrentOptions): Value {
  return recurrent(b, x, options, GRU);
}

/** float32[N, positions, width] → float32[N, positions, hidden]: tanh of what is read and what was known. */
export function rnn(b: GraphBuilder, x: Value, options: RecurrentOptions): Value {
  return recurrent(b, x, options, RNN);
}

function recurrent(b: GraphBuilder, x: Value, options: RecurrentOptions, cell: Cell): Value {
  const layer = b.layerName(cell.op.toLowerCase(), options.name);
  const { layers = 1, output = "sequence", dropout } = options;
  if (x.type.shape.length !== 3) {
    throw b.invalid(layer, `it takes [N, positions, width] and is given [${x.type.shape.join(", ")}]`);
  }
  if (!Number.isInteger(layers) || layers < 1) throw b.invalid(layer, `${layers} layers; give 1 or more`);
  let y = b.node("Transpose", `${layer}/positions`, [x], { perm: [1, 0, 2] });
  for (let i = 0; i < layers; i++) {
    const isLast = i === layers - 1;
    const [sequence, state] = oneLayer(b, layer, i, y, options, cell);
    if (isLast && output === "last") return joined(b, layer, state, [1, 0, 2], [0, -1]);
    if (isLast) return joined(b, layer, sequence, [2, 0, 1, 3], [0, 0, -1]);
    const wide = joined(b, `${layer}/l${i}/joined`, sequence, [0, 2, 1, 3], [0, 0, -1]);
    y = droppedOut(b, wide, `${layer}/dropout${i}`, dropout);
  }
  return y;
}

/** Directions side by side on the last axis. */
function joined(
  b: GraphBuilder,
  name: string,
  x: Value,
  perm: readonly number[],
  shape: readonly number[],
): Value {
  return reshapeTo(b, name, b.node("Transpose", `${name}/order`, [x], { perm }), shape);
}

/** float32[positions, N, width] → [positions, directions, N, hidden], and the last states [directions, N, hidden]. */
function oneLayer(
  b: GraphBuilder,
  layer: string,
  index: number,
  x: Value,
  options: RecurrentOptions,
  { op, gates }: Cell,
): readonly [Value, Value] {
  const { hidden, bidirectional = false, bias = true } = options;
  const name = `${layer}/l${index}`;
  const width = b.fixed(x.type.shape[2], layer, "the last axis");
  const ways = bidirectional ? ["", "_reverse"] : [""];
  const rows = gates.length * hidden;
  const parts = ways.map((way) => {
    const draw = (part: string, shape: readonly number[]): Value => {
      const uniform = 1 / Math.sqrt(hidden);
      const parameter = b.parameter(`${layer}.${part}_l${index}${way}`, shape, { uniform });
      return inOrder(b, `${name}/${part}${way}`, parameter, gates);
    };
    const weights = [draw("weight_ih", [rows, width]), draw("weight_hh", [rows, hidden])];
    const biases = bias ? [draw("bias_ih", [rows]), draw("bias_hh", [rows])] : [];
    return { weights, biases };
  });
  const stacked = (part: string, values: readonly Value[]): Value => {
    const axes = b.ints(`${name}/${part}/axes`, [0]);
    const ways = values.map((value, i) => b.node("Unsqueeze", `${name}/${part}/${i}`, [value, axes], {}));
    return b.node("Concat", `${name}/${part}`, ways, { axis: 0 });
  };
  const inputs = [
    x,
    ...["w", "r"].map((part, i) =>
      stacked(
        part,
        parts.map(({ weights }) => weights[i] ?? x),
      ),
    ),
  ];
  if (bias) {
    const both = parts.map(({ biases }, i) => b.node("Concat", `${name}/bias${i}`, biases, { axis: 0 }));
    inputs.push(stacked("b", both));
  }
  const direction = bidirectional ? "bidirectional" : "forward";
  const attributes = { hidden_size: hidden, direction } as const;
  // PyTorch resets what the state contributes after its product, not before.
  const all = op === "GRU" ? { ...attributes, linear_before_reset: 1 } : attributes;
  const [sequence = x, state = x] = b.ops(op, inputs, all, { name, outputs: 2 });
  return [sequence, state];
}

/** The blocks of rows in ONNX's order of gates. */
function inOrder(b: GraphBuilder, name: string, stacked: Value, gates: readonly number[]): Value {
  if (gates.length === 1) return stacked;
  const blocks = gates.map((_, i) => `${name}/gate${i}`);
  const split = b.nodes("Split", `${name}/gates`, [stacked], { axis: 0, num_outputs: gates.length }, blocks);
  return b.node(
    "Concat",
    name,
    gates.map((gate) => split[gate] ?? stacked),
    { axis: 0 },
  );
}
