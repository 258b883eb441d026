import { isFault } from "@pingo/core";
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../graph/tensor.ts";
import { readModel } from "../reader.ts";
import {
  distance,
  type FileNode,
  f32,
  fileModel,
  float,
  floats,
  i64,
  int,
  ints,
  text,
  texts,
  wave,
} from "../testing/file-model.ts";
import { runOnnx } from "../testing/run-onnx.ts";
import { writeModel } from "../writer.ts";

const ML = "ai.onnx.ml";
const x = wave([5, 3], 1);
const fed = new Map([["x", x]]);

function fragment(nodes: readonly FileNode[], outputs = ["y"], inputs: ReadonlyMap<string, Tensor> = fed) {
  // skl2onnx leaves the number of rows open, without a name.
  const open = Object.fromEntries([...inputs].map(([name, { shape }]) => [name, ["", ...shape.slice(1)]]));
  return fileModel({ opset: 15, domains: { [ML]: 1 }, inputs, open, nodes, outputs });
}

const ml = (opType: string, input: string[], output: string[], ...attribute: object[]): FileNode => {
  return { opType, name: opType, domain: ML, input, output, attribute };
};

const three = [0.3, -0.7, 1.1, 0.4, 0.9, -0.2, -1.2, 0.5, 0.1];

type Fragment = readonly [what: string, nodes: readonly FileNode[], outputs?: readonly string[]];

/** In the form that skl2onnx writes. */
const FRAGMENTS: readonly Fragment[] = [
  [
    "LinearRegression",
    [
      ml(
        "LinearRegressor",
        ["x"],
        ["variable"],
        floats("coefficients", [0.5, -1, 2]),
        floats("intercepts", [0.25]),
      ),
      { opType: "Reshape", input: ["variable", "shape"], output: ["y"] },
    ],
  ],
  [
    "two targets",
    [
      ml(
        "LinearRegressor",
        ["x"],
        ["y"],
        floats("coefficients", three.slice(0, 6)),
        floats("intercepts", [1, 2]),
        int("targets", 2),
      ),
    ],
  ],
  [
    "LogisticRegression of three classes, without ZipMap",
    [
      ml(
        "LinearClassifier",
        ["x"],
        ["label", "raw"],
        ints("classlabels_ints", [4, 7, 9]),
        floats("coefficients", three),
        floats("intercepts", [0.1, 0.2, 0.3]),
        int("multi_class", 1),
        text("post_transform", "SOFTMAX"),
      ),
      ml("Normalizer", ["raw"], ["probabilities"], text("norm", "L1")),
      { opType: "Cast", input: ["label"], output: ["output_label"], attribute: [int("to", 7)] },
    ],
    ["output_label", "probabilities"],
  ],
  [
    "LogisticRegression of two classes",
    [
      ml(
        "LinearClassifier",
        ["x"],
        ["label", "probabilities"],
        ints("classlabels_ints", [0, 1]),
        floats("coefficients", [-0.5, 1, -2, 0.5, -1, 2]),
        floats("intercepts", [-0.25, 0.25]),
        int("multi_class", 1),
        text("post_transform", "LOGISTIC"),
      ),
    ],
    ["label", "probabilities"],
  ],
  [
    "StandardScaler",
    [ml("Scaler", ["x"], ["y"], floats("offset", [0.1, 0.2, 0.3]), floats("scale", [2, 3, 4]))],
  ],
  ["MinMaxScaler of one number", [ml("Scaler", ["x"], ["y"], floats("offset", [0.1]), floats("scale", [2]))]],
  ...["MAX", "L1", "L2"].map(
    (norm): Fragment => [`Normalizer ${norm}`, [ml("Normalizer", ["x"], ["y"], text("norm", norm))]],
  ),
  ["Binarizer", [ml("Binarizer", ["x"], ["y"], float("threshold", 0.25))]],
  [
    "SimpleImputer",
    [
      ml(
        "Imputer",
        ["x"],
        ["y"],
        floats("imputed_value_floats", [1, 2, 3]),
        float("replaced_value_float", Math.fround(Number(x.data[4]))),
      ),
    ],
  ],
  ["a column", [ml("ArrayFeatureExtractor", ["x", "columns"], ["y"])]],
];

describe("a scikit-learn model computes what ONNX Runtime computes with it", () => {
  test.for(FRAGMENTS)("%s", async ([, nodes, outputs]) => {
    const constants: FileNode[] = [
      { opType: "Constant", input: [], output: ["shape"], attribute: [ints("value_ints", [-1, 1])] },
      { opType: "Constant", input: [], output: ["columns"], attribute: [ints("value_ints", [2, 0])] },
    ];
    const read = new Set(nodes.flatMap(({ input }) => input));
    const used = constants.filter(({ output }) => read.has(output[0] ?? ""));
    const bytes = fragment([...used, ...nodes], outputs === undefined ? undefined : [...outputs]);
    const expected = await runOnnx(bytes, fed);
    const found = await runOnnx(writeModel(readModel(bytes)), fed);
    for (const [name, want] of expected) expect(distance(found.get(name), want), name).toBeLessThan(2e-6);
  });

  test("FeatureVectorizer and OneHotEncoder", async () => {
    const inputs = new Map([
      ["x", x],
      ["color", i64([5, 1], [3, 1, 2, 9, 1])],
    ]);
    const nodes = [
      ml("OneHotEncoder", ["color"], ["hot"], ints("cats_int64s", [1, 2, 3]), int("zeros", 1)),
      { opType: "Reshape", input: ["hot", "flat"], output: ["colors"] },
      ml("FeatureVectorizer", ["x", "colors"], ["y"], ints("inputdimensions", [3, 3])),
      { opType: "Constant", input: [], output: ["flat"], attribute: [ints("value_ints", [-1, 3])] },
    ];
    const bytes = fragment(nodes, ["y"], inputs);
    const expected = (await runOnnx(bytes, inputs)).get("y") ?? f32([], []);
    expect(distance((await runOnnx(writeModel(readModel(bytes)), inputs)).get("y"), expected)).toBe(0);
  });
});

test("coefficients become weights that training may change; scaling stays as it was fitted", () => {
  const graph = readModel(
    fragment([
      ml("Scaler", ["x"], ["scaled"], floats("offset", [0, 0, 0]), floats("scale", [1, 2, 3])),
      ml("LinearRegressor", ["scaled"], ["y"], floats("coefficients", [1, 2, 3]), floats("intercepts", [4])),
    ]),
  );
  const weights = [...graph.initializers.keys()].filter((name) => !graph.constants?.has(name));
  expect(weights).toEqual(["LinearRegressor.coefficients", "LinearRegressor.intercepts"]);
});

describe("what has no gradient says what to do", () => {
  const cases: readonly (readonly [string, readonly object[], RegExp])[] = [
    ["ZipMap", [ints("classlabels_int64s", [0, 1])], /options=\{"zipmap": False\}/],
    ["TreeEnsembleClassifier", [], /decision trees have no gradient/],
    ["SVMClassifier", [], /fit a linear model/],
    ["LabelEncoder", [], /encode the data as numbers/],
    [
      "LinearClassifier",
      [texts("classlabels_strings", ["a", "b"]), floats("coefficients", [1, 1, 1, 1, 1, 1])],
      /whole numbers \(LabelEncoder\)/,
    ],
    [
      "LinearRegressor",
      [floats("coefficients", [1, 1, 1]), text("post_transform", "PROBIT")],
      /PROBIT is not known/,
    ],
  ];
  test.each(cases)("%s", (op, attribute, sentence) => {
    try {
      readModel(fragment([ml(op, ["x"], ["y"], ...attribute)]));
      expect.unreachable();
    } catch (error) {
      if (!isFault(error)) throw error;
      expect(error.code).toBe("OP_UNSUPPORTED");
      expect(error.message).toMatch(sentence);
    }
  });
});
