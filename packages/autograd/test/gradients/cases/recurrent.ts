/** Gradient cases of: recurrent layers. */
import type { RecurrentAttributes } from "../../../src/graph/ops/recurrent.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import type { GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";

/** Of a bounded slope: products of states grow beyond float32 within a few steps. */
const BOUNDED = ["Tanh", "Sigmoid", "Softsign", "ScaledTanh"] as const;
const SMOOTH = [...BOUNDED, "Softplus"] as const;

/** @param own  the activations of one direction */
function layer(draw: Draw, gates: number, own: readonly string[]) {
  const direction = draw.pick(["forward", "reverse", "bidirectional"] as const);
  const directions = direction === "bidirectional" ? 2 : 1;
  const [time, batch, features, hidden] = [draw.int(1, 4), draw.int(1, 3), draw.int(1, 3), draw.int(1, 3)];
  const isShort = draw.int(0, 1) === 0;
  const lengths = Int32Array.from({ length: batch }, () => (isShort ? draw.int(1, time) : time));
  const optional = (shape: readonly number[]) => (draw.int(0, 2) === 0 ? "" : draw.signed(shape));
  const layout = draw.int(0, 3) === 0 ? 1 : 0;
  const state = layout === 0 ? [directions, batch, hidden] : [batch, directions, hidden];
  const inputs: (Tensor | "")[] = [
    draw.signed(layout === 0 ? [time, batch, features] : [batch, time, features]),
    draw.signed([directions, gates * hidden, features]),
    draw.signed([directions, gates * hidden, hidden]),
    optional([directions, 2 * gates * hidden]),
    isShort || draw.int(0, 1) === 0 ? { dtype: "int32", shape: [batch], data: lengths } : "",
    optional(state),
  ];
  const activations = Array.from({ length: directions }, () => own).flat();
  // A state is multiplied by its gates step after step.
  const isGate = (i: number) => own.length > 1 && i % own.length === 0;
  const isOwn = draw.int(0, 1) === 0;
  const attributes = {
    activations: isOwn ? activations : activations.map((_, i) => draw.pick(isGate(i) ? BOUNDED : SMOOTH)),
    ...(isOwn ? {} : { activation_alpha: [0.7, 0.8, 0.9, 1.1], activation_beta: [0.4, 0.6, 0.9] }),
    direction,
    hidden_size: hidden,
    layout,
  };
  const peepholes = [directions, 3 * hidden];
  return {
    inputs,
    attributes,
    optionalState: () => optional(state),
    optionalPeepholes: () => optional(peepholes),
  };
}

export const recurrentCases: GradientCases<keyof RecurrentAttributes> = {
  RNN: (draw) => {
    const { inputs, attributes } = layer(draw, 1, ["Tanh"]);
    return { inputs, attributes, outputs: draw.int(1, 2) };
  },
  GRU: (draw) => {
    const { inputs, attributes } = layer(draw, 3, ["Sigmoid", "Tanh"]);
    const linear_before_reset = draw.int(0, 1);
    return { inputs, attributes: { ...attributes, linear_before_reset }, outputs: draw.int(1, 2) };
  },
  LSTM: (draw) => {
    const { inputs, attributes, optionalState, optionalPeepholes } = layer(draw, 4, [
      "Sigmoid",
      "Tanh",
      "Tanh",
    ]);
    inputs.push(optionalState(), optionalPeepholes());
    // What goes into a gate may lie at this bound.
    const clip = draw.int(0, 2) === 0 ? { clip: 1.7 } : {};
    const outputs = draw.int(1, 3);
    const mayKink = "clip" in clip;
    return { inputs, attributes: { ...attributes, ...clip, input_forget: 0 }, outputs, mayKink };
  },
};
