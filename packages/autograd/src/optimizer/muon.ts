/**
 * Muon: steps along the nearest orthogonal matrix to the momentum. What is no matrix is left to AdamW.
 *
 * SOURCE: Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/; the scale 0.2·√max(rows, columns), which
 * gives its steps the size of AdamW's and lets both share a rate: Liu et al., 2025, https://arxiv.org/abs/2502.16982
 */
import type { Muon } from "@pingo/core";
import { at, type Emitter, sizeOf, type Value } from "../rules/emitter.ts";
import { adamW } from "./adamw.ts";
import { decays, keptShare, type OptimizerRule, type Trained } from "./rule.ts";

/** A quintic that moves singular values of (0, 1] near 1 fast, but not exactly there. */
export const NEWTON_SCHULZ = { a: 3.4445, b: -4.775, c: 2.0315, steps: 5 } as const;
export const MUON_SCALE = 0.2;
const NORM_MIN = 1e-7;

export function muon(settings: Muon): OptimizerRule {
  const rest = adamW(settings);
  const { momentum, weightDecay } = settings;
  return {
    slots: (parameter) => (isMatrix(parameter) ? ["m"] : rest.slots(parameter)),
    begin(emit, learningRate, step) {
      const updateRest = rest.begin(emit, learningRate, step);
      const keep = keptShare(emit, learningRate, weightDecay);
      return (update) => {
        if (!isMatrix(update)) return updateRest(update);
        const { weight, gradient, shape } = update;
        const velocity = emit.add2(emit.scale(at(update.slots, 0), momentum), gradient);
        const slope = emit.add2(gradient, emit.scale(velocity, momentum));
        const [rows, columns] = matrixOf(shape);
        const direction = emit.reshape(orthogonal(emit, emit.reshape(slope, [rows, columns])), shape);
        const size = emit.scale(learningRate, MUON_SCALE * Math.sqrt(Math.max(rows, columns)));
        const kept = decays(weightDecay, update) ? emit.mul(weight, keep) : weight;
        return { weight: emit.sub(kept, emit.mul(direction, size)), slots: [velocity] };
      };
    },
  };
}

/** Kernels of a convolution are matrices too: one row for each output channel. */
function isMatrix({ shape, isTable }: Trained): boolean {
  return shape.length >= 2 && !isTable;
}

function matrixOf(shape: readonly number[]): readonly [number, number] {
  return [at(shape, 0), sizeOf(shape.slice(1))];
}

/** @param matrix  f32[rows, columns] */
function orthogonal(emit: Emitter, matrix: Value): Value {
  const isTall = at(matrix.shape, 0) > at(matrix.shape, 1);
  const wide = isTall ? emit.transposeLast(matrix) : matrix;
  const norm = emit.unary("Sqrt", emit.sum(emit.square(wide), [0, 1]));
  let x = emit.div(wide, emit.shift(norm, NORM_MIN));
  const { a, b, c, steps } = NEWTON_SCHULZ;
  for (let i = 0; i < steps; i++) {
    const gram = emit.gemm(x, x, { transB: true });
    const polynomial = emit.add2(emit.scale(gram, b), emit.gemm(gram, gram, { alpha: c }));
    x = emit.add2(emit.scale(x, a), emit.gemm(polynomial, x));
  }
  return isTall ? emit.transposeLast(x) : x;
}
