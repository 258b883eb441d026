/**
 * The picture model: a UNet that learns the flow from noise to pictures of 32 × 32, told the time and some words.
 *
 * Pixels are gathered 2 × 2 into channels; widths 48, 96, 128; attention at 8 × 8; the words' and the time's
 * embedding scales and shifts each block's second norm.
 * SOURCE: Ho et al., "Denoising Diffusion Probabilistic Models", 2020 (the UNet); Dhariwal & Nichol, "Diffusion Models
 * Beat GANs on Image Synthesis", 2021 (scale and shift); Lipman et al., "Flow Matching for Generative Modeling", 2023.
 */
import { defineModel, type ModelBuilder, type Value } from "@pingo/autograd";
import type { Workload } from "./workload.ts";

const WIDTHS = [48, 96, 128] as const;
const ATTENDED = 96;
const GROUPS = 8;
const CONDITION = 128;
const TIME_FEATURES = 64;
const WORDS = 8;
const VOCABULARY = 512;
const SIDE = 16;
const PIXEL = 16;

export const unet: Workload = {
  name: "unet",
  model: () =>
    defineModel(
      {
        name: "unet",
        seed: 5,
        inputs: {
          x: { dtype: "float32", shape: ["batch", PIXEL, SIDE, SIDE] },
          time: { dtype: "float32", shape: ["batch", TIME_FEATURES] },
          words: { dtype: "int64", shape: ["batch", WORDS] },
        },
      },
      (b, { x, time, words }) => ({ y: new UnetLayers(b, condition(b, time, words)).apply(x) }),
    ),
  batchSize: 16,
  loss: "mean-squared-error",
  target: "flow",
  fields: {
    x: { rowShape: [PIXEL, SIDE, SIDE], draw: "gaussian" },
    time: { rowShape: [TIME_FEATURES], draw: "gaussian" },
    words: { rowShape: [WORDS], draw: { below: VOCABULARY } },
    flow: { rowShape: [PIXEL, SIDE, SIDE], draw: "gaussian" },
  },
  stepsPerTurn: 8,
  targets: { torchRatioMin: null, sgemmPercentMin: null },
};

/** silu(time's and words' embedding): [batch, CONDITION] */
function condition(b: ModelBuilder, time: Value, words: Value): Value {
  const hidden = silu(b, b.linear(time, { name: "time1", outFeatures: CONDITION }));
  const rows = b.embedding(words, { name: "words", count: VOCABULARY, width: CONDITION });
  const axes = b.ints("words/axes", [1]);
  const said = b.node("ReduceSum", "words/sum", [rows, axes], { keepdims: 0, noop_with_empty_axes: 0 });
  return silu(b, b.add(b.linear(hidden, { name: "time2", outFeatures: CONDITION }), said));
}

class UnetLayers {
  readonly #b: ModelBuilder;
  readonly #condition: Value;

  constructor(b: ModelBuilder, conditioned: Value) {
    this.#b = b;
    this.#condition = conditioned;
  }

  apply(x: Value): Value {
    const b = this.#b;
    const [narrow] = WIDTHS;
    let h = this.#conv(x, "stem", narrow);
    const skips = [h];
    for (const [level, width] of WIDTHS.entries()) {
      for (const part of ["a", "b"]) {
        h = this.#stage(h, `down${level}${part}`, width);
        skips.push(h);
      }
      if (level === WIDTHS.length - 1) break;
      h = this.#conv(h, `shrink${level}`, width, 2);
      skips.push(h);
    }
    h = this.#block(h, "middle", WIDTHS[2]);
    for (const [i, width] of [...WIDTHS].reverse().entries()) {
      const level = WIDTHS.length - 1 - i;
      for (const part of ["a", "b", "c"]) {
        const skip = skips.pop();
        if (skip) h = this.#stage(b.concat([h, skip], { axis: 1 }), `up${level}${part}`, width);
      }
      if (level > 0) h = this.#conv(this.#enlarge(h, `enlarge${level}`), `grow${level}`, width);
    }
    return this.#conv(silu(b, this.#norm(h, "last")), "head", PIXEL);
  }

  #stage(x: Value, name: string, width: number): Value {
    const h = this.#block(x, name, width);
    return width === ATTENDED ? this.#attention(h, `${name}.attention`) : h;
  }

  #block(x: Value, name: string, width: number): Value {
    const b = this.#b;
    const first = this.#conv(silu(b, this.#norm(x, `${name}.norm1`)), `${name}.conv1`, width);
    const told = b.linear(this.#condition, { name: `${name}.told`, outFeatures: 2 * width });
    const column = b.reshape(told, [0, 2 * width, 1, 1]);
    const halves = ["scale", "shift"].map((half) => `${name}/${half}`);
    const [scale = told, shift = told] = b.nodes(
      "Split",
      `${name}/halves`,
      [column],
      { axis: 1, num_outputs: 2 },
      halves,
    );
    const normed = this.#norm(first, `${name}.norm2`);
    const moved = b.add(b.add(normed, b.mul(normed, scale)), shift);
    const second = this.#conv(silu(b, moved), `${name}.conv2`, width);
    const passed =
      x.type.shape[1] === width ? x : b.conv2d(x, { name: `${name}.pass`, outChannels: width, kernel: 1 });
    return b.add(passed, second);
  }

  /** One head over the positions of the picture. */
  #attention(x: Value, name: string): Value {
    const b = this.#b;
    const [, width = 0, height = 0, breadth = 0] = x.type.shape.map(Number);
    const joined = b.conv2d(this.#norm(x, `${name}.norm`), {
      name: `${name}.qkv`,
      outChannels: 3 * width,
      kernel: 1,
    });
    const flat = b.reshape(joined, [0, 3 * width, height * breadth]);
    const names = ["q", "k", "v"].map((part) => `${name}/${part}`);
    const [q = flat, k = flat, v = flat] = b.nodes(
      "Split",
      `${name}/parts`,
      [flat],
      { axis: 1, num_outputs: 3 },
      names,
    );
    const scores = b.mul(
      b.matmul(b.transpose(q, [0, 2, 1]), k),
      b.scalar(`${name}/scale`, 1 / Math.sqrt(width)),
    );
    const mixed = b.matmul(v, b.transpose(b.softmax(scores), [0, 2, 1]));
    const back = b.reshape(mixed, [0, width, height, breadth]);
    return b.add(x, b.conv2d(back, { name: `${name}.proj`, outChannels: width, kernel: 1 }));
  }

  /** As PyTorch's exporter writes group norm. */
  #norm(x: Value, name: string): Value {
    const b = this.#b;
    const [, width = 0, height = 0, breadth = 0] = x.type.shape.map(Number);
    const groups = b.reshape(x, [0, GROUPS, -1]);
    const ones = b.constant(`${name}/ones`, filled(GROUPS, 1));
    const zeros = b.constant(`${name}/zeros`, filled(GROUPS, 0));
    const epsilon = Math.fround(1e-5);
    const normed = b.node("InstanceNormalization", `${name}/normed`, [groups, ones, zeros], { epsilon });
    const picture = b.reshape(normed, [0, width, height, breadth]);
    const weight = b.parameter(`${name}.weight`, [width], { fill: 1 });
    const bias = b.parameter(`${name}.bias`, [width], { fill: 0 });
    return b.add(b.mul(picture, b.reshape(weight, [width, 1, 1])), b.reshape(bias, [width, 1, 1]));
  }

  #conv(x: Value, name: string, outChannels: number, stride = 1): Value {
    return this.#b.conv2d(x, { name, outChannels, kernel: 3, padding: 1, stride });
  }

  #enlarge(x: Value, name: string): Value {
    const b = this.#b;
    const nothing: Value = { name: "", type: { dtype: "float32", shape: [] } };
    const scales = b.constant(`${name}/scales`, {
      dtype: "float32",
      shape: [4],
      data: Float32Array.of(1, 1, 2, 2),
    });
    return b.node("Resize", name, [x, nothing, scales], {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
      antialias: 0,
      cubic_coeff_a: -0.75,
      exclude_outside: 0,
      extrapolation_value: 0,
      keep_aspect_ratio_policy: "stretch",
    });
  }
}

function silu(b: ModelBuilder, x: Value): Value {
  return b.mul(x, b.sigmoid(x));
}

function filled(length: number, value: number) {
  return { dtype: "float32", shape: [length], data: new Float32Array(length).fill(value) } as const;
}
