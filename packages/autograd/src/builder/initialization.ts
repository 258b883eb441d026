/**
 * First values of parameters, drawn from a seeded generator.
 *
 * A weight of shape [out, in, …kernel] sums over in × kernel inputs: its fan-in; its fan-out is out × kernel.
 * SOURCE: torch.nn.init, whose names and defaults these are.
 */
import type { Prng } from "@pingo/core";
import { sizeOfShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";

export type Initialization =
  | { readonly fill: number }
  /** Uniform in ±bound. */
  | { readonly uniform: number }
  /** Gaussian around 0. */
  | { readonly deviation: number }
  /** Gaussian around 0, none beyond two deviations. */
  | { readonly truncated: number }
  /** He et al., 2015: deviation gain / √fan, for layers before a ReLU. The gain is √2 unless given. */
  | { readonly kaiming: Draw; readonly fan?: "in" | "out"; readonly gain?: number }
  /** Glorot & Bengio, 2010: deviation gain · √(2 / (fan-in + fan-out)), for layers before tanh or sigmoid. */
  | { readonly xavier: Draw; readonly gain?: number }
  /** Saxe et al., 2014: rows (or columns, whichever are fewer) at right angles, each as long as the number. */
  | { readonly orthogonal: number }
  /** These, in row-major order. */
  | { readonly values: ArrayLike<number> };

type Draw = "uniform" | "normal";

/**
 * What PyTorch draws for the weight and bias of a layer that sums over `fanIn` inputs: uniform in ±1/√fanIn.
 * SOURCE: Kaiming uniform with a = √5, He et al., 2015; torch.nn.Linear and Conv2d.
 */
export function kaimingUniform(fanIn: number): Initialization {
  return { uniform: 1 / Math.sqrt(fanIn) };
}

/** float32[shape] */
export function drawTensor(shape: readonly number[], initialization: Initialization, prng: Prng): Tensor {
  const data = new Float32Array(sizeOfShape(shape));
  fill(data, shape, initialization, prng);
  return { dtype: "float32", shape, data };
}

function fill(
  data: Float32Array,
  shape: readonly number[],
  initialization: Initialization,
  prng: Prng,
): void {
  const each = (draw: () => number): void => {
    for (let i = 0; i < data.length; i++) data[i] = draw();
  };
  const normal = (deviation: number): void => each(() => gaussian(prng) * deviation);
  const uniform = (bound: number): void => each(() => (2 * prng.float() - 1) * bound);
  // A uniform draw in ±√3·σ has the deviation σ.
  const draw = (how: Draw, deviation: number) =>
    how === "normal" ? normal(deviation) : uniform(Math.sqrt(3) * deviation);
  if ("fill" in initialization) data.fill(initialization.fill);
  else if ("uniform" in initialization) uniform(initialization.uniform);
  else if ("deviation" in initialization) normal(initialization.deviation);
  else if ("truncated" in initialization) {
    each(() => truncatedGaussian(prng) * initialization.truncated);
  } else if ("kaiming" in initialization) {
    const { kaiming, fan = "in", gain = Math.SQRT2 } = initialization;
    draw(kaiming, gain / Math.sqrt(fansOf(shape)[fan]));
  } else if ("xavier" in initialization) {
    const fans = fansOf(shape);
    draw(initialization.xavier, (initialization.gain ?? 1) * Math.sqrt(2 / (fans.in + fans.out)));
  } else if ("orthogonal" in initialization) orthogonal(data, shape, initialization.orthogonal, prng);
  else data.set(initialization.values);
}

function fansOf(shape: readonly number[]): { readonly in: number; readonly out: number } {
  const [out = 1, into = 1, ...kernel] = shape;
  const taps = sizeOfShape(kernel);
  return { in: into * taps, out: out * taps };
}

// SOURCE: Box & Muller, 1958. 1 − u is never 0.
function gaussian(prng: Prng): number {
  return Math.sqrt(-2 * Math.log(1 - prng.float())) * Math.cos(2 * Math.PI * prng.float());
}

/** One draw in twenty-two lies beyond two deviations and is drawn again. */
function truncatedGaussian(prng: Prng): number {
  for (;;) {
    const drawn = gaussian(prng);
    if (Math.abs(drawn) <= 2) return drawn;
  }
}

/** Gram and Schmidt, twice over, on Gaussian vectors in float64: the second pass takes away what rounding left. */
function orthogonal(data: Float32Array, shape: readonly number[], gain: number, prng: Prng): void {
  const [rows = 1, ...rest] = shape;
  const columns = sizeOfShape(rest);
  const [count, length] = rows <= columns ? [rows, columns] : [columns, rows];
  const vectors: Float64Array[] = [];
  for (let k = 0; k < count; k++) {
    const vector = Float64Array.from({ length }, () => gaussian(prng));
    for (let pass = 0; pass < 2; pass++) {
      for (const before of vectors) {
        const along = dot(vector, before);
        for (let i = 0; i < length; i++) vector[i] = (vector[i] ?? 0) - along * (before[i] ?? 0);
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    vectors.push(vector.map((value) => value / norm));
  }
  data.forEach((_, flat) => {
    const [row, column] = [Math.floor(flat / columns), flat % columns];
    const [k, i] = rows <= columns ? [row, column] : [column, row];
    data[flat] = gain * (vectors[k]?.[i] ?? 0);
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}
