/**
 * The com.microsoft operators that ONNX Runtime's optimizer writes in place of several, taken apart again.
 *
 * SOURCE: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import type { Lowering, LoweringSite } from "./lowering-site.ts";

const GELU = { approximate: "none" } as const;

export const FUSED_LOWERINGS = {
  FusedMatMul: (site) => [fusedMatMul(site)],
  FusedMatMulActivation: (site) => {
    const product = fusedMatMul(site);
    const activation = site.text("activation", "");
    const params = activationParams(site, activation);
    site.ignore("activation_axis");
    return [activate(site, product, activation, params)];
  },
  FusedGemm: (site) => {
    const activation = site.text("activation", "");
    const params = activationParams(site, activation);
    const y = site.standard("Gemm", [site.input(0), site.input(1), site.optional(2)], site.rest());
    return [activate(site, y, activation, params)];
  },
  FusedConv: (site) => {
    const activation = site.text("activation", "");
    const params = site.floats("activation_params") ?? [];
    const y = site.standard("Conv", [site.input(0), site.input(1), site.optional(2)], site.rest());
    return [activate(site, site.has(3) ? site.add(y, site.input(3)) : y, activation, params)];
  },

  Gelu: (site) => [site.emit("Gelu", [site.input()], GELU)],
  BiasGelu: (site) => [site.emit("Gelu", [site.add(site.input(0), site.input(1))], GELU)],
  FastGelu: (site) => [
    site.emit("Gelu", [site.has(1) ? site.add(site.input(0), site.input(1)) : site.input()], {
      approximate: "tanh",
    }),
  ],
  // x·σ(αx)
  QuickGelu: (site) => {
    const x = site.input();
    return [site.mul(x, site.emit("Sigmoid", [site.scale(x, site.float("alpha", 1.702))], {}))];
  },
  BiasSplitGelu: (site) => {
    const biased = site.add(site.input(0), site.input(1));
    const half = site.sizeOf(biased, -1) / 2;
    const gate = site.emit("Gelu", [site.slice(biased, -1, half, 2 * half)], GELU);
    return [site.mul(site.slice(biased, -1, 0, half), gate)];
  },
  BiasAdd: (site) => [site.add(site.add(site.input(0), site.input(1)), site.input(2))],
  BiasDropout: (site) => {
    site.ignore("seed");
    const biased = site.add(site.input(0), site.input(1));
    const dropped = site.emit("Dropout", [biased, site.optional(3), site.optional(4)], {});
    if (site.makes(1)) throw site.refuse("its mask is read by other nodes");
    return [site.has(2) ? site.add(dropped, site.input(2)) : dropped];
  },
  BiasSoftmax: (site) => {
    const axis = site.int("axis", 1);
    const data = site.input(0);
    const isInner = site.int("is_inner_broadcast", 1) !== 0;
    if (!isInner && site.rankOf(site.input(1)) !== site.rankOf(data))
      throw site.refuse("its bias is broadcast over an outer axis");
    const sum = site.add(data, site.input(1));
    if (axis !== site.rankOf(data) - 1 && axis !== -1)
      throw site.refuse("it normalizes over several axes at once; optimize the model at a lower level");
    return [site.emit("Softmax", [sum], { axis: -1 })];
  },
  Trilu: (site) => [site.emit("Trilu", [site.input(), site.optional(1)], { upper: site.int("upper", 1) })],
} as const satisfies Readonly<Record<string, Lowering>>;

/** α · op(a) · op(b) */
function fusedMatMul(site: LoweringSite): string {
  const operand = (i: number, transposes: number, transposesBatch: number): string => {
    let x = site.input(i);
    const rank = site.rankOf(x);
    const axes = Array.from({ length: rank }, (_, axis) => axis);
    // [rows, …batch, columns] → [… batch, rows, columns]
    if (transposesBatch !== 0 && rank > 2) x = site.transpose(x, [...axes.slice(1, rank - 1), 0, rank - 1]);
    if (transposes === 0 || rank < 2) return x;
    return site.transpose(x, [...axes.slice(0, rank - 2), rank - 1, rank - 2]);
  };
  const a = operand(0, site.int("transA", 0), site.int("transBatchA", 0));
  const b = operand(1, site.int("transB", 0), site.int("transBatchB", 0));
  return site.scale(site.emit("MatMul", [a, b], {}), site.float("alpha", 1));
}

/** What the activation's own operator has by default. */
const PARAMS: Readonly<Record<string, readonly number[]>> = {
  LeakyRelu: [0.01],
  Elu: [1],
  HardSigmoid: [0.2, 0.5],
  Selu: [1.6732631921768188, 1.0507010221481323],
  ThresholdedRelu: [1],
};

/** Alpha, then beta or gamma: no activation has both. */
function activationParams(site: LoweringSite, activation: string): readonly number[] {
  const [alpha = 0, second = 0] = PARAMS[activation] ?? [];
  const beta = site.float("activation_beta", second);
  const gamma = site.float("activation_gamma", second);
  return [site.float("activation_alpha", alpha), activation === "Selu" ? gamma : beta];
}

function activate(site: LoweringSite, x: string, activation: string, params: readonly number[]): string {
  const [a = 0, b = 0] = params;
  switch (activation) {
    case "":
      return x;
    case "Relu":
    case "Sigmoid":
    case "Tanh":
    case "Softplus":
    case "Softsign":
    case "HardSwish":
      return site.emit(activation, [x], {});
    case "LeakyRelu":
    case "Elu":
    case "ThresholdedRelu":
      return site.emit(activation, [x], { alpha: a });
    case "Selu":
      return site.emit("Selu", [x], { alpha: a, gamma: b });
    case "HardSigmoid":
      return site.emit("HardSigmoid", [x], { alpha: a, beta: b });
    case "Clip":
      return site.emit("Clip", [x, site.scalar(a, x), site.scalar(b, x)], {});
    case "Gelu":
      return site.emit("Gelu", [x], GELU);
    default:
      throw site.refuse(`the activation "${activation}" is not known`);
  }
}
