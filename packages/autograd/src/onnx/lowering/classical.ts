/**
 * The ai.onnx.ml operators that scikit-learn models are made of, as far as they have a gradient.
 *
 * Coefficients become initializers, which training may change; what was fitted for scaling stays constant.
 * SOURCE: https://onnx.ai/onnx/operators/index.html#ai-onnx-ml
 */
import type { Lowering, LoweringSite } from "./lowering-site.ts";

const KEEP = { keepdims: 1, noop_with_empty_axes: 0 } as const;

export const CLASSICAL_LOWERINGS = {
  LinearRegressor: (site) => {
    const targets = site.int("targets", 1);
    return [finished(site, linear(site, targets), site.text("post_transform", "NONE"))];
  },
  LinearClassifier: linearClassifier,
  // (x − offset) · scale
  Scaler: (site) => {
    const x = real(site);
    const [offset, scale] = ["offset", "scale"].map((name) => site.floats(name));
    const moved = offset === undefined ? x : site.emit("Sub", [x, vector(site, offset)], {});
    return [scale === undefined ? moved : site.mul(moved, vector(site, scale))];
  },
  Normalizer: (site) => [normalizer(site)],
  Binarizer: (site) => {
    const x = real(site);
    const above = site.emit("Greater", [x, site.scalar(site.float("threshold", 0), x)], {});
    return [site.cast(above, "float32")];
  },
  Imputer: (site) => [imputer(site)],
  ArrayFeatureExtractor: (site) => {
    const x = site.rankOf(site.input(0)) === 1 ? site.unsqueeze(site.input(0), [0]) : site.input(0);
    return [site.gather(x, site.reshape(site.input(1), [-1]), site.rankOf(x) - 1)];
  },
  FeatureVectorizer: (site) => {
    site.ignore("inputdimensions");
    const parts = site.node.inputs.map((_, i) => site.cast(site.input(i), "float32"));
    return [parts.length === 1 ? parts[0] : site.concat(parts, 1)];
  },
  OneHotEncoder: (site) => {
    const categories = site.ints("cats_int64s");
    site.ignore("zeros");
    if (categories === undefined || site.strings("cats_strings") !== undefined)
      throw site.refuse("its categories are text; encode them as whole numbers first");
    const x = site.cast(site.input(), "int64");
    const hit = site.emit("Equal", [site.unsqueeze(x, [-1]), site.integers(categories)], {});
    return [site.cast(hit, "float32")];
  },
} as const satisfies Readonly<Record<string, Lowering>>;

function vector(site: LoweringSite, values: readonly number[]): string {
  return site.real(values.length === 1 ? [] : [values.length], values);
}

function real(site: LoweringSite): string {
  return site.cast(site.input(), "float32");
}

/** x [rows, features] · coefficientsᵀ + intercepts, one column for each target. */
function linear(site: LoweringSite, targets: number): string {
  const coefficients = site.floats("coefficients") ?? [];
  const intercepts = site.floats("intercepts");
  const x = real(site);
  const weight = site.parameter("coefficients", [targets, coefficients.length / targets], coefficients);
  const bias = intercepts === undefined ? undefined : site.parameter("intercepts", [targets], intercepts);
  return site.emit("Gemm", [x, weight, bias], { alpha: 1, beta: 1, transA: 0, transB: 1 });
}

function finished(site: LoweringSite, scores: string, transform: string): string {
  switch (transform) {
    case "NONE":
      return scores;
    case "LOGISTIC":
      return site.emit("Sigmoid", [scores], {});
    case "SOFTMAX":
      return site.emit("Softmax", [scores], { axis: -1 });
    default:
      throw site.refuse(`post_transform ${transform} is not known; NONE, LOGISTIC and SOFTMAX are`);
  }
}

/** Labels, and a score for each class. */
function linearClassifier(site: LoweringSite): readonly (string | undefined)[] {
  site.ignore("multi_class");
  const texts = site.strings("classlabels_strings") ?? [];
  const given = site.ints("classlabels_ints") ?? [];
  if (texts.length > 0 && site.makes(0))
    throw site.refuse(
      "its labels are text, which tensors here do not hold; fit the classifier on whole numbers (LabelEncoder)",
    );
  const classes = Math.max(texts.length, given.length);
  const rows = site.node.attributes.get("intercepts")?.floats.length || classes;
  const transform = site.text("post_transform", "NONE");
  const scores = linear(site, rows);
  // One row for two classes: it speaks for the second.
  const isBinary = rows === 1 && classes === 2;
  const both = isBinary ? site.concat([opposite(site, scores, transform), scores], 1) : scores;
  const labels = () => {
    const best = isBinary
      ? site.cast(site.emit("Greater", [scores, site.scalar(0, scores)], {}), "int64")
      : site.emit("ArgMax", [both], { axis: 1, keepdims: 1, select_last_index: 0 });
    return site.gather(site.integers(given), site.reshape(best, [-1]), 0);
  };
  return [site.makes(0) ? labels() : undefined, finished(site, both, transform)];
}

/** σ(−s) = 1 − σ(s); without a transform ONNX Runtime gives −s too. */
function opposite(site: LoweringSite, scores: string, transform: string): string {
  if (transform === "SOFTMAX") throw site.refuse("post_transform SOFTMAX of one score for two classes");
  return site.emit("Neg", [scores], {});
}

function normalizer(site: LoweringSite): string {
  const x = real(site);
  const norm = site.text("norm", "MAX");
  const axes = site.integers([-1]);
  const sizes = () => {
    switch (norm) {
      case "MAX":
        return site.emit("ReduceMax", [x, axes], KEEP);
      case "L1":
        return site.emit("ReduceL1", [x, axes], KEEP);
      case "L2":
        return site.emit("ReduceL2", [x, axes], KEEP);
      default:
        throw site.illegal(`norm cannot be "${norm}"`);
    }
  };
  const size = sizes();
  // A row of zeros stays one.
  const isZero = site.emit("Equal", [size, site.scalar(0, x)], {});
  return site.emit("Div", [x, site.emit("Where", [isZero, site.scalar(1, x), size], {})], {});
}

function imputer(site: LoweringSite): string {
  const values = site.floats("imputed_value_floats");
  if (values === undefined) throw site.refuse("it replaces whole numbers; cast them to float first");
  site.ignore("imputed_value_int64s", "replaced_value_int64");
  const replaced = site.float("replaced_value_float", 0);
  const x = real(site);
  const missing = Number.isNaN(replaced)
    ? site.emit("IsNaN", [x], {})
    : site.emit("Equal", [x, site.scalar(replaced, x)], {});
  return site.emit("Where", [missing, vector(site, values), x], {});
}
