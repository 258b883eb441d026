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

const yes = constant("yes", { name: "value", type: 4, t: { dataType: 9, dims: [], int32Data: [1] } });

const graphOf = (nodes: readonly FileNode[], output: readonly string[], input: readonly object[] = []) => ({
  name: "body",
  node: nodes,
  input,
  output: output.map((name) => ({ name })),
});

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

describe("an If whose condition is decided while it runs", () => {
  interface Branches {
    readonly yes: readonly FileNode[];
    readonly no: readonly FileNode[];
    readonly before?: readonly FileNode[];
    /** The sum of this must be more. */
    readonly above: number;
    readonly of?: "x" | "w";
  }

  /** y = w · (if Σx > above then `then` else `otherwise`), each of which makes "out". */
  function choice({ yes, no, before = [], above, of = "x" }: Branches): Uint8Array {
    const branch = (name: string, nodes: readonly FileNode[]) => ({
      name,
      type: 5,
      g: graphOf(nodes, ["out"]),
    });
    return fileModel({
      inputs,
      initializers: { w: wave([2, 3], 3) },
      nodes: [
        ...before,
        node("ReduceSum", [of], "sum", int("keepdims", 0)),
        constant("above", { name: "value_float", type: 1, f: above }),
        node("Greater", ["sum", "above"], "isAbove"),
        {
          ...node("If", ["isAbove"], "chosen", branch("then_branch", yes), branch("else_branch", no)),
          name: "choose",
        },
        node("Cast", ["chosen"], "real", int("to", 1)),
        node("Mul", ["real", "w"], "y"),
      ],
    });
  }

  test.each([-100, 100])(
    "is what ONNX Runtime makes it, and its gradients are right, above %d",
    async (above) => {
      const ops = fc.constantFrom("Tanh", "Neg", "Sigmoid", "Identity", "Softplus");
      await fc.assert(
        fc.asyncProperty(ops, ops, fc.boolean(), async (a, b, isNested) => {
          const mixed = [node("Mul", ["x", "w"], "mixed"), node(a, ["mixed"], "out")];
          const inner = graphOf([node(a, ["x"], "inner")], ["inner"]);
          const other = graphOf([node("Add", ["x", "w"], "inner")], ["inner"]);
          const nested = [
            node("Not", ["isAbove"], "isBelow"),
            node(
              "If",
              ["isBelow"],
              "out",
              { name: "then_branch", type: 5, g: inner },
              { name: "else_branch", type: 5, g: other },
            ),
          ];
          const bytes = choice({
            yes: isNested ? nested : mixed,
            no: [node(b, ["x"], "out")],
            above,
          });
          await expectSame(bytes);
          expect(await checkGradients(readModel(bytes))).toMatchObject({ checked: 1, passed: true });
        }),
        { numRuns: 12 },
      );
    },
  );

  test("neither fails nor spoils gradients by what the branch not taken would make of its inputs", async () => {
    // √(−1) = NaN, 1 / 0, and the seventh row of three: nothing of that is computed.
    const before = [
      constant("nothing", { name: "value_float", type: 1, f: 0 }),
      node("Mul", ["x", "nothing"], "zeros"),
      node("Mul", ["w", "zeros"], "weighed"),
      constant("one", { name: "value_float", type: 1, f: 1 }),
      node("Sub", ["weighed", "one"], "negative"),
      node("ReduceSum", ["zeros"], "none", int("keepdims", 0)),
      constant("seven", { name: "value_float", type: 1, f: 7 }),
      node("Add", ["none", "seven"], "far"),
      node("Cast", ["far"], "beyond", int("to", 7)),
    ];
    const yes = [
      node("Sqrt", ["negative"], "root"),
      node("Div", ["w", "zeros"], "quotient"),
      node("Gather", ["w", "beyond"], "row"),
      node("Sum", ["root", "quotient", "row"], "out"),
    ];
    const bytes = choice({ before, yes, no: [node("Tanh", ["w"], "out")], above: 100 });
    await expectSame(bytes);
    expect(await checkGradients(readModel(bytes))).toMatchObject({ checked: 1, passed: true });
  });

  test.each([-100, 100])("may choose between bools, above %d", async (above) => {
    const yes = [node("Greater", ["x", "w"], "more"), node("Cast", ["more"], "out", int("to", 9))];
    await expectSame(choice({ yes, no: [node("Less", ["x", "w"], "out")], above }));
  });

  test("by a weight is not settled by what the weight was when the model was read", () => {
    const bytes = choice({
      yes: [node("Neg", ["x"], "out")],
      no: [node("Tanh", ["x"], "out")],
      above: 0,
      of: "w",
    });
    expect(readModel(bytes).nodes.map(({ op }) => op)).toEqual(
      expect.arrayContaining(["Neg", "Tanh", "Where"]),
    );
  });

  test.each<[string, readonly FileNode[], RegExp]>([
    [
      "makes another shape",
      [node("Transpose", ["x"], "out")],
      /node "choose" uses If.*float32\[3, 2\] or float32\[2, 3\]/,
    ],
    [
      "makes another type",
      [node("Cast", ["x"], "out", int("to", 7))],
      /int64\[2, 3\] or float32\[2, 3\]; make both/,
    ],
    [
      "would change running statistics",
      [node("BatchNormalization", ["x", "w", "w", "w", "w"], "out")],
      /a BatchNormalization among them would count rows/,
    ],
  ])("that %s in one branch is refused", (_, yes, sentence) => {
    const bytes = choice({ yes, no: [node("Tanh", ["x"], "out")], above: 0 });
    expect(() => readModel(bytes)).toThrow(sentence);
  });
});

describe("a Loop that ends when its state says so", () => {
  const declared = (name: string, dims: readonly number[], elemType = 1) => {
    const dim = dims.map((size) => ({ value: { case: "dimValue", value: BigInt(size) } }));
    return { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } } };
  };

  /** state ← tanh(state · w) / 2 while its size is above the bound; the count goes up by one. */
  function halving({ bound = 0, most = 6, isCounted = false, isCollected = false }): Uint8Array {
    const inputsOfBody = [
      declared("i", [], 7),
      declared("going", [], 9),
      declared("state", [2, 3]),
      declared("count", [], 7),
    ];
    const body = graphOf(
      [
        node("MatMul", ["state", "w"], "product"),
        node("Tanh", ["product"], "bent"),
        constant("half", { name: "value_float", type: 1, f: 0.5 }),
        node("Mul", ["bent", "half"], "next"),
        constant("step", { name: "value_int", type: 2, i: 1n }),
        node("Add", ["count", "step"], "counted"),
        node("ReduceL1", ["next"], "size", int("keepdims", 0)),
        constant("bound", { name: "value_float", type: 1, f: bound }),
        node("Greater", ["size", "bound"], "isLarge"),
        constant("limit", { name: "value_int", type: 2, i: BigInt(most) }),
        node("Less", ["counted", "limit"], "isEarly"),
        node("And", ["isEarly", "isLarge"], "both"),
      ],
      [isCounted ? "both" : "isLarge", "next", "counted", ...(isCollected ? ["bent"] : [])],
      inputsOfBody,
    );
    const trips = isCounted ? 2n ** 63n - 1n : BigInt(most);
    return fileModel({
      inputs,
      initializers: { w: wave([3, 3], 3) },
      nodes: [
        yes,
        constant("trips", { name: "value_int", type: 2, i: trips }),
        constant("zero", { name: "value_int", type: 2, i: 0n }),
        {
          opType: "Loop",
          name: "halve",
          input: ["trips", "yes", "x", "zero"],
          output: ["last", "turns", ...(isCollected ? ["all"] : [])],
          attribute: [{ name: "body", type: 5, g: body }],
        },
        node("Cast", ["turns"], "real", int("to", 1)),
        ...(isCollected ? [node("ReduceSum", ["all"], "sum", int("keepdims", 0))] : []),
        node("Add", ["last", isCollected ? "sum" : "real"], "y"),
      ],
    });
  }

  test.each([0, 0.3, 0.9, 99])(
    "turns as often as ONNX Runtime, and its gradients are right, down to %d",
    async (bound) => {
      for (const isCounted of [false, true]) {
        const bytes = halving({ bound, isCounted });
        await expectSame(bytes);
        expect(readModel(bytes).nodes.filter(({ op }) => op === "Tanh")).toHaveLength(6);
        expect(await checkGradients(readModel(bytes))).toMatchObject({ checked: 1, passed: true });
      }
    },
  );

  test.each<[string, Parameters<typeof halving>[0], RegExp]>([
    [
      "as long as it likes",
      { most: 2 ** 40 },
      /"halve" uses Loop.*decided while it runs; export the model with/,
    ],
    ["and collects what it makes", { isCollected: true }, /what it collects is as long as it turns/],
  ])("%s is refused", (_, init, sentence) => {
    expect(() => readModel(halving(init))).toThrow(sentence);
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
