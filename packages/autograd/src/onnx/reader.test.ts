import { create, toBinary } from "@bufbuild/protobuf";
import { isFault, LIMITS } from "@pingo/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defineModel } from "../builder/define-model.ts";
import type { AnyNode, Graph } from "../graph/graph.ts";
import { inferTypes } from "../graph/infer.ts";
import { isStatic } from "../graph/shape.ts";
import { verifyGraph } from "../graph/verify.ts";
import { type GraphProto, GraphProtoSchema, ModelProtoSchema } from "./onnx_pb.ts";
import { readModel } from "./reader.ts";
import { FIXTURE_NAMES, hasFixtures, readFixture } from "./testing/fixtures.ts";
import { runOnnx } from "./testing/run-onnx.ts";
import { writeModel } from "./writer.ts";

type NodeInit = {
  opType: string;
  input: string[];
  output: string[];
  name?: string;
  domain?: string;
  attribute?: object[];
};

interface ModelInit {
  readonly opset?: number;
  readonly inputs?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly inputType?: number;
  readonly outputs?: readonly string[];
  readonly initializer?: object[];
  readonly nodes?: readonly NodeInit[];
}

function model(init: ModelInit): Uint8Array {
  const inputs = Object.entries(init.inputs ?? { x: [2, 3] });
  const graph = {
    name: "test",
    input: inputs.map(([name, shape]) => ({
      name,
      type: {
        value: {
          case: "tensorType",
          value: { elemType: init.inputType ?? 1, shape: { dim: shape.map(dimension) } },
        },
      },
    })),
    output: (init.outputs ?? ["y"]).map((name) => ({ name })),
    initializer: init.initializer ?? [],
    node: init.nodes ?? [{ opType: "Relu", input: ["x"], output: ["y"] }],
  };
  // SAFETY: the literals above follow the schema; TypeScript widens their `case` to string.
  const typed = graph as unknown as GraphProto;
  const opsetImport = [{ domain: "", version: BigInt(init.opset ?? 17) }];
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph: typed }));
}

function dimension(size: number | string) {
  return typeof size === "number"
    ? { value: { case: "dimValue", value: BigInt(size) } }
    : { value: { case: "dimParam", value: size } };
}

function ints(name: string, values: readonly number[]) {
  return { name, dataType: 7, dims: [BigInt(values.length)], int64Data: values.map(BigInt) };
}

function faultOf(bytes: Uint8Array): { code: string; message: string } {
  try {
    readModel(bytes);
  } catch (error) {
    if (isFault(error)) return error;
    throw error;
  }
  throw new Error("the model was read");
}

describe.skipIf(!hasFixtures)("PyTorch exports", () => {
  test.each(FIXTURE_NAMES)(
    "%s is fully typed, and written back returns what PyTorch returned",
    async (name) => {
      const { model, inputs, output } = readFixture(name);
      const graph = readModel(model);
      const types = verifyGraph(graph);
      expect([...types.values()].every(({ shape }) => isStatic(shape))).toBe(true);
      const written = writeModel(graph);
      expect(readModel(written)).toEqual(graph);
      const y = (await runOnnx(written, inputs)).get("y");
      expect(y?.shape).toEqual(output.shape);
      const got = Array.from(y?.data ?? [], Number);
      const errors = Array.from(output.data, Number).map((want, i) =>
        Math.abs(want - (got[i] ?? Number.NaN)),
      );
      expect(Math.max(...errors)).toBeLessThan(1e-5);
    },
  );
});

describe("lifting to the canonical opset", () => {
  test("axes of a reduction move from the attribute to an input", () => {
    const axes = { name: "axes", type: 7, ints: [1n] };
    const graph = readModel(
      model({ nodes: [{ opType: "ReduceMean", input: ["x"], output: ["y"], attribute: [axes] }] }),
    );
    expect(graph.nodes[0]?.inputs).toHaveLength(2);
    expect(graph.outputs[0]?.type.shape).toEqual([2, 1]);
  });

  test("a Split without sizes gets its number of outputs", () => {
    const axis = { name: "axis", type: 2, i: 1n };
    const nodes = [{ opType: "Split", input: ["x"], output: ["y", "z", "w"], attribute: [axis] }];
    const graph = readModel(model({ nodes }));
    expect(graph.nodes[0]?.attributes).toEqual({ axis: 1, num_outputs: 3 });
  });

  test.each([
    ["SAME_UPPER", [2, 2, 3, 3]],
    ["SAME_LOWER", [3, 3, 2, 2]],
    ["VALID", [0, 0, 0, 0]],
  ])("auto_pad %s becomes pads", (autoPad, pads) => {
    const attribute = [
      { name: "kernel_shape", type: 7, ints: [7n, 7n] },
      { name: "strides", type: 7, ints: [2n, 2n] },
      { name: "auto_pad", type: 3, s: new TextEncoder().encode(autoPad) },
    ];
    const nodes = [{ opType: "MaxPool", input: ["x"], output: ["y"], attribute }];
    const graph = readModel(model({ inputs: { x: [1, 1, 8, 8] }, nodes }));
    expect(graph.nodes[0]?.attributes).toMatchObject({ pads, dilations: [1, 1] });
  });

  test.each<[{ auto_pad: string; output_shape?: bigint[]; stride?: bigint }]>([
    [{ auto_pad: "NOTSET", output_shape: [10n, 9n] }],
    [{ auto_pad: "VALID", output_shape: [10n, 11n] }],
    [{ auto_pad: "SAME_UPPER", output_shape: [10n, 9n] }],
    [{ auto_pad: "SAME_LOWER", output_shape: [10n, 10n] }],
    [{ auto_pad: "NOTSET", output_shape: [12n, 10n] }],
    [{ auto_pad: "SAME_UPPER" }],
    [{ auto_pad: "SAME_LOWER" }],
    [{ auto_pad: "SAME_UPPER", stride: 4n }],
  ])("a ConvTranspose with %o is what ONNX Runtime makes of the file", async (given) => {
    const { auto_pad: autoPad, output_shape: shape, stride = 2n } = given;
    const attribute = [
      { name: "strides", type: 7, ints: [stride, stride] },
      { name: "auto_pad", type: 3, s: new TextEncoder().encode(autoPad) },
      ...(shape ? [{ name: "output_shape", type: 7, ints: shape }] : []),
    ];
    const kernel = { name: "w", dataType: 1, dims: [1n, 1n, 3n, 3n], floatData: [1, 2, 3, 4, 5, 6, 7, 8, 9] };
    const nodes = [{ opType: "ConvTranspose", input: ["x", "w"], output: ["y"], attribute }];
    const x = {
      dtype: "float32",
      shape: [1, 1, 5, 5],
      data: Float32Array.from({ length: 25 }, (_, i) => i),
    } as const;
    const file = model({ inputs: { x: [1, 1, 5, 5] }, initializer: [kernel], nodes });
    const [wanted, got] = [
      await runOnnx(file, new Map([["x", x]])),
      await runOnnx(writeModel(readModel(file)), new Map([["x", x]])),
    ];
    expect(got.get("y")).toEqual(wanted.get("y"));
    if (shape !== undefined) return;
    // What auto_pad leaves to do does not depend on the size.
    const open = model({ inputs: { x: [1, 1, "height", "width"] }, initializer: [kernel], nodes });
    expect(readModel(open).nodes).toEqual(readModel(file).nodes);
  });

  test("Constant nodes become initializers, in every spelling", () => {
    const constant = (output: string, attribute: object) => ({
      opType: "Constant",
      input: [],
      output: [output],
      attribute: [attribute],
    });
    const nodes = [
      constant("a", { name: "value_float", type: 1, f: 2 }),
      constant("b", { name: "value_ints", type: 7, ints: [3n, 2n] }),
      constant("c", { name: "value", type: 4, t: ints("", [1]) }),
      { opType: "Mul", input: ["x", "a"], output: ["m"] },
      { opType: "Reshape", input: ["m", "b"], output: ["r"] },
      { opType: "Unsqueeze", input: ["r", "c"], output: ["y"] },
    ];
    const graph = readModel(model({ nodes }));
    expect([...graph.initializers.keys()]).toEqual(["a", "b", "c"]);
    expect(graph.constants).toEqual(new Set(["a", "b", "c"]));
    expect(readModel(writeModel(graph))).toEqual(graph);
    expect(graph.outputs[0]?.type.shape).toEqual([3, 1, 2]);
  });

  test("the arithmetic of shapes with a named batch resolves", () => {
    const nodes = [
      { opType: "Shape", input: ["x"], output: ["s"] },
      { opType: "Gather", input: ["s", "zero"], output: ["n"] },
      { opType: "Mul", input: ["n", "two"], output: ["n2"] },
      {
        opType: "Concat",
        input: ["n2", "rest"],
        output: ["t"],
        attribute: [{ name: "axis", type: 2, i: 0n }],
      },
      { opType: "Reshape", input: ["x", "t"], output: ["y"] },
    ];
    const initializer = [ints("zero", [0]), ints("two", [2]), ints("rest", [-1])];
    const graph = readModel(model({ inputs: { x: ["batch", 6] }, initializer, nodes }));
    expect(graph.outputs[0]?.type.shape).toEqual(["2*batch", 3]);
    expect(inferTypes(graph, new Map([["batch", 5]])).get("y")?.shape).toEqual([10, 3]);
  });
});

describe("refusals", () => {
  const relu: NodeInit = { opType: "Relu", input: ["x"], output: ["y"] };
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["MODEL_NOT_ONNX", new Uint8Array(), /no graph/],
    ["MODEL_NOT_ONNX", new TextEncoder().encode("apiVersion: pingo/v1\nkind: Train\n"), /not an ONNX model/],
    ["MODEL_NOT_ONNX", model({}).slice(0, -9), /ends too early/],
    ["OPSET_UNSUPPORTED", model({ opset: 12 }), /opset 12/],
    ["OPSET_UNSUPPORTED", model({ opset: 24 }), /opset 24/],
    [
      "OP_UNSUPPORTED",
      model({ nodes: [{ ...relu, opType: "NonMaxSuppression", name: "n7" }] }),
      /"n7" uses NonMaxSuppression/,
    ],
    ["OP_UNSUPPORTED", model({ nodes: [{ ...relu, domain: "com.example" }] }), /com\.example/],
    [
      "OP_UNSUPPORTED",
      model({ nodes: [{ ...relu, opType: "RandomNormalLike", name: "noise" }] }),
      /"noise" uses RandomNormalLike.*use Dropout/,
    ],
    [
      "OP_UNSUPPORTED",
      model({ nodes: [{ ...relu, attribute: [{ name: "odd", type: 2, i: 1n }] }] }),
      /attribute odd/,
    ],
    [
      "MODEL_ILLEGAL",
      model({ nodes: [{ ...relu, input: ["q"] }] }),
      /reads "q", which nothing before it makes/,
    ],
    ["MODEL_ILLEGAL", model({ nodes: [relu, relu] }), /"y" is made twice/],
    ["MODEL_ILLEGAL", model({ outputs: ["z"] }), /nothing makes the output "z"/],
    [
      "MODEL_ILLEGAL",
      model({ nodes: [{ opType: "Cast", input: ["x"], output: ["y"] }] }),
      /lacks the attribute to/,
    ],
    ["DTYPE_UNSUPPORTED", model({ inputType: 14 }), /"x" has elements of type complex64.*float16/],
    [
      "DTYPE_UNSUPPORTED",
      model({ initializer: [{ name: "w", dataType: 17, dims: [1n], rawData: new Uint8Array(1) }] }),
      /"w" has elements of type float8.*convert it/,
    ],
    [
      "TENSOR_MALFORMED",
      model({ initializer: [{ name: "w", dataType: 10, dims: [2n], rawData: new Uint8Array(3) }] }),
      /2 elements of float16 take 4 bytes and raw_data has 3/,
    ],
    [
      "MODEL_ILLEGAL",
      model({ nodes: [{ ...relu, input: ["y"] }] }),
      /reads "y", which nothing before it makes/,
    ],
    [
      "EXTERNAL_DATA",
      model({ initializer: [{ ...ints("w", [1]), dataLocation: 1 }] }),
      /"w" is kept in another file/,
    ],
    [
      "TENSOR_MALFORMED",
      model({ initializer: [{ name: "w", dataType: 1, dims: [3n], rawData: new Uint8Array(8) }] }),
      /3 elements of float32 take 12 bytes/,
    ],
    [
      "TENSOR_MALFORMED",
      model({ initializer: [{ name: "w", dataType: 1, dims: [2n ** 40n], rawData: new Uint8Array(8) }] }),
      /more than/,
    ],
    [
      "TENSOR_MALFORMED",
      model({ initializer: [{ name: "w", dataType: 1, dims: new Array(9).fill(1n) }] }),
      /9 axes/,
    ],
    [
      "SHAPE_MISMATCH",
      model({ nodes: [{ opType: "MatMul", input: ["x", "x"], output: ["y"], name: "mm" }] }),
      /"mm" \(MatMul\).*\[2, 3\] and \[2, 3\]/,
    ],
    ["NODE_ILLEGAL", model({ nodes: [{ ...relu, input: ["x", "x"] }] }), /2 inputs/],
  ];
  test.each(cases)("%s says what and where (%#)", (code, bytes, sentence) => {
    const fault = faultOf(bytes);
    expect(fault.message).toMatch(sentence);
    expect(fault.code).toBe(code);
  });

  test("more nodes than allowed are refused before they are built", () => {
    const nodes = Array.from({ length: LIMITS.modelNodesMax + 1 }, () => ({
      opType: "",
      input: [],
      output: [],
    }));
    expect(faultOf(model({ nodes }))).toMatchObject({ code: "MODEL_TOO_LARGE" });
  });

  test("graphs nested too deep are refused before they are built", () => {
    let graph: object = { name: "innermost" };
    for (let depth = 0; depth <= LIMITS.modelSubgraphDepthMax; depth++) {
      graph = { node: [{ opType: "Scan", attribute: [{ name: "body", type: 5, g: graph }] }] };
    }
    expect(faultOf(toBinary(ModelProtoSchema, create(ModelProtoSchema, { graph })))).toMatchObject({
      code: "MODEL_TOO_LARGE",
    });
  });

  test("more fields, graphs or packed numbers than allowed are refused before they are built", () => {
    const graphs = Array.from({ length: LIMITS.modelSubgraphsMax + 1 }, () => ({
      name: "body",
      type: 5,
      g: {},
    }));
    const input = new Array<string>(LIMITS.modelFieldsMax).fill("");
    const initializer = [{ int64Data: new Array<bigint>(LIMITS.modelPackedBytesMax / 8).fill(-1n) }];
    const small = [{ int64Data: new Array<bigint>(LIMITS.modelIntegersMax + 1).fill(1n) }];
    const attribute = Array.from({ length: LIMITS.modelMessagesMax + 1 }, () => ({}));
    for (const [graph, what] of [
      [create(GraphProtoSchema, { node: [{ attribute: graphs }] }), /subgraphs/],
      [create(GraphProtoSchema, { node: [{ input }] }), /fields/],
      [create(GraphProtoSchema, { initializer }), /outside raw_data/],
      [create(GraphProtoSchema, { initializer: small }), /whole numbers/],
      [create(GraphProtoSchema, { node: [{ attribute }] }), /parts/],
    ] as const) {
      const fault = faultOf(toBinary(ModelProtoSchema, create(ModelProtoSchema, { graph })));
      expect(fault).toMatchObject({ code: "MODEL_TOO_LARGE" });
      expect(fault.message).toMatch(what);
    }
  });

  test("a model over the size limit is refused", () => {
    expect(faultOf(new Uint8Array(LIMITS.modelBytesMax + 1))).toMatchObject({ code: "MODEL_TOO_LARGE" });
  });
});

describe("a stranger's bytes", () => {
  const valid = writeModel(
    defineModel(
      { name: "m", seed: 1, inputs: { x: { dtype: "float32", shape: ["batch", 1, 8, 8] } } },
      (b, { x }) => {
        const features = b.maxPool2d(b.relu(b.batchNorm2d(b.conv2d(x, { outChannels: 3, kernel: 3 }))), {
          kernel: 2,
        });
        return { y: b.softmax(b.linear(b.reshape(b.flatten(features), [0, -1]), { outFeatures: 4 })) };
      },
    ),
  );

  function onlyFaults(bytes: Uint8Array): void {
    try {
      readModel(bytes);
    } catch (error) {
      if (!isFault(error)) throw error;
    }
  }

  test("random bytes end in a fault", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => isFault(caught(() => readModel(bytes)))),
      { numRuns: 300 },
    );
  });

  test("every truncation ends in a fault or in a model", () => {
    for (let length = 0; length < valid.length; length += 7) onlyFaults(valid.slice(0, length));
  });

  test("altered bytes end in a fault or in a model", () => {
    const alteration = fc.tuple(fc.nat(valid.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(alteration, { minLength: 1, maxLength: 8 }), (alterations) => {
        const bytes = valid.slice();
        for (const [at, byte] of alterations) bytes[at] = byte;
        onlyFaults(bytes);
      }),
      { numRuns: 1500 },
    );
  });

  function caught(run: () => unknown): unknown {
    try {
      return run();
    } catch (error) {
      return error;
    }
  }
});

describe("Scan", () => {
  /** Running sums of x over its first axis, scaled by a value of the outer graph. */
  const body: Graph = {
    name: "body",
    inputs: [
      { name: "sum", type: { dtype: "float32", shape: [3] } },
      { name: "row", type: { dtype: "float32", shape: [3] } },
    ],
    outputs: [
      { name: "next", type: { dtype: "float32", shape: [3] } },
      { name: "scaled", type: { dtype: "float32", shape: [3] } },
    ],
    initializers: new Map(),
    nodes: [
      { op: "Add", name: "add", inputs: ["sum", "row"], outputs: ["next"], attributes: {} },
      { op: "Mul", name: "mul", inputs: ["next", "factor"], outputs: ["scaled"], attributes: {} },
    ],
  };
  const scan: AnyNode = {
    op: "Scan",
    name: "scan",
    inputs: ["start", "x"],
    outputs: ["last", "sums"],
    attributes: { body, num_scan_inputs: 1 },
  };
  const graph: Graph = {
    name: "sums",
    inputs: [{ name: "x", type: { dtype: "float32", shape: ["steps", 3] } }],
    outputs: [
      { name: "last", type: { dtype: "float32", shape: [3] } },
      { name: "sums", type: { dtype: "float32", shape: ["steps", 3] } },
    ],
    initializers: new Map([
      ["start", { dtype: "float32", shape: [3], data: new Float32Array(3) }],
      ["factor", { dtype: "float32", shape: [], data: Float32Array.of(2) }],
    ]),
    nodes: [scan],
  };

  test("is typed, read back and run", async () => {
    expect(verifyGraph(graph).get("sums")?.shape).toEqual(["steps", 3]);
    const bytes = writeModel(graph);
    expect(readModel(bytes)).toEqual(graph);
    const x = { dtype: "float32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) } as const;
    const results = await runOnnx(bytes, new Map([["x", x]]));
    expect(results.get("sums")?.data).toEqual(Float32Array.of(2, 4, 6, 10, 14, 18));
  });
});
