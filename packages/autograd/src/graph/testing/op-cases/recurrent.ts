/** Cases of: recurrent layers. ONNX Runtime has kernels for layout 0 only. */
import type { RecurrentAttributes } from "../../ops/recurrent.ts";
import { type Draw, input, LEFT_OUT, type OpCases, type OpInput } from "./draw.ts";

const FREE = [
  "Tanh",
  "Sigmoid",
  "Relu",
  "Softsign",
  "HardSigmoid",
  "Elu",
  "LeakyRelu",
  "ScaledTanh",
  "Affine",
  "ThresholdedRelu",
] as const;

/** @param own  the activations of one direction */
function layer(r: Draw, gates: number, own: readonly string[]) {
  const direction = r.pick<RecurrentAttributes["RNN"]["direction"]>("forward", "reverse", "bidirectional");
  const directions = direction === "bidirectional" ? 2 : 1;
  const [time, batch, features, hidden] = [r.int(1, 4), r.int(1, 3), r.int(1, 3), r.int(1, 4)];
  const weights = (shape: readonly number[]): OpInput => {
    const { tensor, isConstant } = r.floats(shape);
    return {
      tensor: { ...tensor, data: Float32Array.from(Array.from(tensor.data, Number), (x) => 2 * x - 1) },
      isConstant,
    };
  };
  const lengths = input([batch], "int32", r.list(batch, 1, time));
  const inputs: (OpInput | undefined)[] = [
    weights([time, batch, features]),
    weights([directions, gates * hidden, features]),
    weights([directions, gates * hidden, hidden]),
    r.flag() ? weights([directions, 2 * gates * hidden]) : LEFT_OUT,
    r.flag() ? lengths : LEFT_OUT,
    r.flag() ? weights([directions, batch, hidden]) : LEFT_OUT,
  ];
  const isOwn = r.flag();
  const activations = Array.from({ length: directions }, () => own).flat();
  const attributes = {
    activations: isOwn ? activations : activations.map(() => r.pick(...FREE)),
    ...(isOwn ? {} : { activation_alpha: settings(r), activation_beta: settings(r) }),
    ...(r.int(0, 2) === 0 ? { clip: 0.5 } : {}),
    direction,
    hidden_size: hidden,
    layout: 0,
  };
  return {
    inputs,
    attributes,
    state: [directions, batch, hidden],
    peepholes: [directions, 3 * hidden],
    weights,
  };
}

// As a model is written: nothing stands for an input left out at the end.
function listed(inputs: readonly (OpInput | undefined)[]): (OpInput | undefined)[] {
  return inputs.slice(0, inputs.findLastIndex((one) => one !== undefined) + 1);
}

// More than there can be, or too few: those that are left over belong to nothing, and some go without.
const settings = (r: Draw): number[] => r.list(r.int(1, 6), 1, 3).map((quarters) => quarters / 4);

export const recurrentCases: OpCases<keyof RecurrentAttributes> = {
  RNN: (r) => {
    const { inputs, attributes } = layer(r, 1, ["Tanh"]);
    return { inputs: listed(inputs), attributes, outputs: 2 };
  },
  GRU: (r) => {
    const { inputs, attributes } = layer(r, 3, ["Sigmoid", "Tanh"]);
    return {
      inputs: listed(inputs),
      attributes: { ...attributes, linear_before_reset: r.bit() },
      outputs: 2,
    };
  },
  LSTM: (r) => {
    const { inputs, attributes, state, peepholes, weights } = layer(r, 4, ["Sigmoid", "Tanh", "Tanh"]);
    inputs.push(r.flag() ? weights(state) : LEFT_OUT, r.flag() ? weights(peepholes) : LEFT_OUT);
    return { inputs: listed(inputs), attributes: { ...attributes, input_forget: 0 }, outputs: 3 };
  },
};
