/** Functions, loops and branches are written out when a model is read; what would grow without a bound is refused. */
import { LIMITS } from "@pingo/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkGradients } from "../reference/check-gradients.ts";
import { evaluate } from "../reference/evaluate.ts";
import { referenceOf } from "../reference/value.ts";
import { readModel } from "./reader.ts";
import {
  distance,
  type FileFunction,
  type FileNode,
  f32,
  fileModel,
  float,
  i64,
  int,
  ints,
  wave,
} from "./testing/file-model.ts";
import { runOnnx } from "./testing/run-onnx.ts";

const x = wave([2, 3]);
const inputs = new Map([["x", x]]);

const node = (opType: string, input: string[], output: string, ...attribute: object[]): FileNode => {
  return { opType, input, output: [output], attribute };
};
const constant = (output: string, attribute: object) => node("Constant", [], output, attribute);

/** The float64 evaluator on what was read, and ONNX Runtime on the file itself. */
async function expectSame(bytes: Uint8Array): Promise<void> {
  const expected = (await runOnnx(bytes, inputs)).get("y") ?? f32([], []);
  const found = evaluate(readModel(bytes), new Map([["x", referenceOf(x)]])).get("y");
  const numbers = Float32Array.from(found?.data ?? [], Number);
  expect(distance(f32(found?.shape ?? [], numbers), expected)).toBeLessThan(1e-6);
}

describe("a Loop", () => {
  const declared = (name: string, dims: readonly number[], elemType = 1) => {
    const dim = dims.map((size) => ({ value: { case: "dimValue", value: BigInt(size) } }));
    return { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } } };
  };

  /** state ← tanh(state · w + i · x) while i < limit; y = the last state and the mean of all. */
  function loop({ count = "", condition = "", limit = 99, before = [] as readonly FileNode[] }): Uint8Array {
    const body = {
      name: "body",
      input: [declared("i", [], 7), declared("going", [], 9), declared("state", [2, 3])],
      output: [declared("go on", [], 9), declared("next", [2, 3]), declared("seen", [2, 3])],
      initializer: [{ name: "limit", dataType: 7, dims: [], int64Data: [BigInt(limit)] }],
      node: [
        node("MatMul", ["state", "w"], "product"),
        node("Cast", ["i"], "real", int("to", 1)),
        node("Mul", ["x", "real"], "scaled"),
        node("Add", ["product", "scaled"], "sum"),
        node("Tanh", ["sum"], "next"),
        node("Identity", ["next"], "seen"),
        node("Less", ["i", "limit"], "go on"),
      ],
    };
    const recur = {
      opType: "Loop",
      name: "recur",
      input: [count, condition, "x"],
      output: ["last", "all"],
      attribute: [{ name: "body", type: 5, g: body }],
    };
    return fileModel({
      inputs,
      initializers: { w: wave([3, 3], 3), three: i64([], [3]) },
      nodes: [
        ...before,
        recur,
        node("ReduceMean", ["all"], "mean", ints("axes", [0]), int("keepdims", 0)),
        node("Add", ["last", "mean"], "y"),
      ],
    });
  }
  const yes = constant("yes", { name: "value", type: 4, t: { dataType: 9, dims: [], int32Data: [1] } });

  test("of a known number of turns computes what ONNX Runtime does, and its gradients are right", async () => {
    const bytes = loop({ count: "three" });
    await expectSame(bytes);
    const model = readModel(bytes);
    expect(model.nodes.filter(({ op }) => op === "Tanh")).toHaveLength(3);
    expect(await checkGradients(model)).toMatchObject({ checked: 1, passed: true });
  });

  test.each(["", "three"])("ends by a condition that only depends on the turn, count %j", async (count) => {
    const bytes = loop({ count, condition: "yes", limit: 1, before: [yes] });
    await expectSame(bytes);
    expect(readModel(bytes).nodes.filter(({ op }) => op === "Tanh")).toHaveLength(2);
  });

  test("takes its turns from a size of the input, where that is fixed", async () => {
    const bytes = loop({ count: "size", before: [node("Size", ["x"], "size")] });
    await expectSame(bytes);
    expect(readModel(bytes).nodes.filter(({ op }) => op === "Tanh")).toHaveLength(6);
  });

  test("whose turns are decided while it runs is refused, with what to do", () => {
    const largest = node("ReduceMax", ["x"], "largest", int("keepdims", 0));
    const before = [largest, node("Cast", ["largest"], "turns", int("to", 7))];
    expect(() => readModel(loop({ count: "turns", before }))).toThrow(
      /node "recur" uses Loop.*decided while it runs; export the model with a fixed number of turns/,
    );
  });

  test.each([2n ** 20n, 2n ** 40n, 2n ** 62n])("of %d turns is refused at once", (i) => {
    const before = [constant("turns", { name: "value_int", type: 2, i })];
    expect(() => readModel(loop({ count: "turns", before }))).toThrow(
      /nodes where functions, loops and branches are written out; at most 20000/,
    );
  });
});

describe("a function of the model", () => {
  const call = (opType: string, input: string[], output: string, ...attribute: object[]): FileNode => {
    return { ...node(opType, input, output, ...attribute), domain: "custom" };
  };
  const define = (name: string, nodes: FileNode[], more: Partial<FileFunction> = {}): FileFunction => {
    return { domain: "custom", name, input: ["a", "b"], output: ["out"], node: nodes, ...more };
  };
  const model = (functions: FileFunction[], nodes: FileNode[]) =>
    fileModel({ domains: { custom: 1 }, inputs, initializers: { w: wave([2, 3], 3) }, nodes, functions });

  test("is its nodes, called in any nesting", async () => {
    // f(a, b) = a·b + tanh b, g(a, b) = f(f(a, b), a)
    const functions = [
      define("f", [node("Mul", ["a", "b"], "t"), node("Tanh", ["b"], "u"), node("Add", ["t", "u"], "out")]),
      define("g", [call("f", ["a", "b"], "t"), call("f", ["t", "a"], "out")]),
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom("f", "g"), { minLength: 1, maxLength: 4 }), async (names) => {
        const nodes = names.map((name, i) =>
          call(name, i === 0 ? ["x", "w"] : [`v${i - 1}`, "x"], i === names.length - 1 ? "y" : `v${i}`),
        );
        await expectSame(model(functions, nodes));
      }),
      { numRuns: 20 },
    );
  });

  test("takes the call's attributes, its own defaults, and leaves out what neither gives", async () => {
    const refer = (name: string, refAttrName: string) => ({ name, type: 1, refAttrName });
    const functions = [
      define(
        "elu",
        [
          node("Elu", ["a"], "e", refer("alpha", "slope")),
          node("LeakyRelu", ["e"], "out", refer("alpha", "leak")),
        ],
        {
          input: ["a"],
          attribute: ["leak"],
          attributeProto: [float("slope", 0.5)],
        },
      ),
    ];
    await expectSame(model(functions, [call("elu", ["x"], "y")]));
    await expectSame(model(functions, [call("elu", ["x"], "y", float("slope", 0.25), float("leak", 0.75))]));
  });

  test("gives each call constants of its own, and the weights it is handed are trained", async () => {
    const half = constant("half", { name: "value_float", type: 1, f: 0.5 });
    const functions = [define("f", [half, node("Mul", ["a", "half"], "t"), node("Mul", ["t", "b"], "out")])];
    const bytes = model(functions, [call("f", ["x", "w"], "v"), call("f", ["v", "w"], "y")]);
    await expectSame(bytes);
    expect(await checkGradients(readModel(bytes))).toMatchObject({ checked: 1, tensor: "w", passed: true });
  });

  test.each<[string, FileFunction[], RegExp]>([
    ["calls itself", [define("f", [call("f", ["a", "b"], "out")])], /call each other more than 32 deep/],
    [
      "doubles at every level",
      Array.from({ length: 31 }, (_, i) =>
        define(`f${i === 0 ? "" : i}`, [
          i === 30 ? node("Mul", ["a", "b"], "t") : call(`f${i + 1}`, ["a", "b"], "t"),
          i === 30 ? node("Add", ["t", "b"], "out") : call(`f${i + 1}`, ["t", "b"], "out"),
        ]),
      ),
      /nodes where functions, loops and branches are written out/,
    ],
    [
      "reads what is around it",
      [define("f", [node("Mul", ["a", "w"], "out")])],
      /reads "w", which nothing in it makes/,
    ],
    ["is there twice", [define("f", []), define("f", [])], /"f" of custom is defined twice/],
    ["makes nothing", [define("f", [])], /reads "out", which nothing in it makes/],
    [
      "takes fewer",
      [define("f", [node("Neg", ["a"], "out")], { input: ["a"] })],
      /more inputs or outputs than the function/,
    ],
  ])("that %s is refused", (_, functions, sentence) => {
    expect(() => readModel(model(functions, [call("f", ["x", "w"], "y")]))).toThrow(sentence);
  });

  test("that holds much and is called often is refused before that is too much", () => {
    const numbers = LIMITS.modelBytesMax / 4 / 128;
    const rawData = new Uint8Array(4 * numbers);
    const large = constant("large", {
      name: "value",
      type: 4,
      t: { dataType: 1, dims: [BigInt(numbers)], rawData },
    });
    const some = define("f", [large, node("Mul", ["a", "b"], "out")]);
    const nodes = Array.from({ length: 200 }, (_, i) =>
      call("f", [i === 0 ? "x" : `v${i}`, "w"], i === 199 ? "y" : `v${i + 1}`),
    );
    expect(() => readModel(model([some], nodes))).toThrow(
      /bytes where functions, loops and branches are written out/,
    );
  });
});
