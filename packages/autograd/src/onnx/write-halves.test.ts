import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { Graph } from "../graph/graph.ts";
import type { HalfType, Tensor } from "../graph/tensor.ts";
import { buildTrainProgram } from "../program/train-program.ts";
import { withWeights } from "../program/weights.ts";
import { checkGradients } from "../reference/check-gradients.ts";
import { inspectModel } from "../reference/inspect.ts";
import { HALF_NUMBER, narrow } from "./half.ts";
import { type GraphProto, ModelProtoSchema, NodeProtoSchema } from "./onnx_pb.ts";
import { readModel } from "./reader.ts";
import { distance, f32, int, wave } from "./testing/file-model.ts";
import { runOnnx } from "./testing/run-onnx.ts";
import { writeModel } from "./writer.ts";

/** As model.half() leaves PyTorch: everything narrow, but for a norm that is computed in float32 between two casts. */
function halfModel(half: HalfType): Uint8Array {
  const elemType = HALF_NUMBER[half];
  const value = (name: string, ...dims: (number | string)[]) => {
    const dim = dims.map((size) =>
      typeof size === "number"
        ? { value: { case: "dimValue", value: BigInt(size) } }
        : { value: { case: "dimParam", value: size } },
    );
    return { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } } };
  };
  const weight = (name: string, dims: readonly number[], phase: number) => {
    const { data } = wave(dims, phase);
    const bits = data instanceof Float32Array ? narrow(data, half) : new Uint16Array();
    return { name, dataType: elemType, dims: dims.map(BigInt), rawData: new Uint8Array(bits.buffer) };
  };
  const graph = {
    name: "half",
    input: [value("x", "batch", 3)],
    output: [value("y", "batch", 2)],
    initializer: [
      weight("a.weight", [4, 3], 1),
      weight("a.bias", [4], 2),
      // Outside raw_data each number is in an int32.
      {
        name: "scale",
        dataType: elemType,
        dims: [4n],
        int32Data: [...narrow(Float32Array.of(1, 0.5, 2, 1), half)],
      },
      weight("b.weight", [4, 2], 3),
    ],
    node: [
      {
        opType: "Gemm",
        name: "a",
        input: ["x", "a.weight", "a.bias"],
        output: ["h"],
        attribute: [int("transB", 1)],
      },
      { opType: "Cast", input: ["h"], output: ["wide"], attribute: [int("to", 1)] },
      { opType: "Tanh", input: ["wide"], output: ["t"] },
      { opType: "Cast", input: ["t"], output: ["narrow"], attribute: [int("to", elemType)] },
      { opType: "Mul", input: ["narrow", "scale"], output: ["m"] },
      { opType: "MatMul", input: ["m", "b.weight"], output: ["y"] },
    ],
  };
  const opsetImport = [{ domain: "", version: 17n }];
  // SAFETY: the literals above follow the schema; TypeScript widens their `case` to string.
  const typed = graph as unknown as GraphProto;
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph: typed }));
}

/** The file's own types at its border are kept; the casts around it are there since Node's binding takes no float16. */
async function run(bytes: Uint8Array, x: Tensor): Promise<Tensor | undefined> {
  const model = fromBinary(ModelProtoSchema, bytes);
  const { graph } = model;
  const [input, output] = [graph?.input[0], graph?.output[0]];
  for (const [value, name] of [[input, "wide x"] as const, [output, "wide y"] as const]) {
    if (value?.type?.value.case !== "tensorType") throw new Error("no tensor");
    expect(value.type.value.value.elemType).toBe(HALF_NUMBER.float16);
    value.type.value.value.elemType = 1;
    value.name = name;
  }
  graph?.node.unshift(
    create(NodeProtoSchema, { opType: "Cast", input: ["wide x"], output: ["x"], attribute: [int("to", 10)] }),
  );
  graph?.node.push(
    create(NodeProtoSchema, { opType: "Cast", input: ["y"], output: ["wide y"], attribute: [int("to", 1)] }),
  );
  const results = await runOnnx(toBinary(ModelProtoSchema, model), new Map([["wide x", x]]));
  return results.get("wide y");
}

const train = (model: Graph) =>
  buildTrainProgram(model, {
    fields: [
      { name: "x", dtype: "float32", rowShape: [3] },
      { name: "target", dtype: "float32", rowShape: [2] },
    ],
    target: "target",
    loss: "mean-squared-error",
    optimizer: { sgd: { learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: 0 } },
    batchSize: 4,
  });

describe.each(["float16", "bfloat16"] as const)("a model in %s", (half) => {
  const model = readModel(halfModel(half));

  test("is read in float32, and says which values the file holds in 16 bits", () => {
    expect(model.inputs[0]?.type.dtype).toBe("float32");
    expect([...model.initializers.values()].every(({ dtype }) => dtype === "float32")).toBe(true);
    const names = ["x", "y", "a.weight", "a.bias", "scale", "b.weight"];
    expect(model.halves).toEqual(new Map(names.map((name) => [name, half])));
    expect(inspectModel(model).halves).toEqual({ [half]: 4 });
    expect([...(model.initializers.get("scale")?.data ?? [])]).toEqual([1, 0.5, 2, 1]);
  });

  test("has right gradients and is trained", async () => {
    expect(await checkGradients(model)).toMatchObject({ checked: 4, passed: true });
    expect(train(model).signature.parameters).toHaveLength(4);
  });

  test("is written in 16 bits again, and reading and writing it anew changes nothing", () => {
    const program = train(model);
    const trained = withWeights(
      model,
      program.signature,
      program.initialWeights.map((w) => w + 0.01),
    );
    const bytes = writeModel(trained);
    const file = fromBinary(ModelProtoSchema, bytes).graph;
    const types = file?.initializer.map(({ dataType }) => dataType);
    expect(types).toEqual([HALF_NUMBER[half], HALF_NUMBER[half], HALF_NUMBER[half], HALF_NUMBER[half]]);
    const again = readModel(bytes);
    expect(again.halves).toEqual(model.halves);
    expect(writeModel(again)).toEqual(bytes);
  });
});

test("ONNX Runtime takes and gives float16 at the border of a model that is written again", async () => {
  const bytes = halfModel("float16");
  const x = f32([2, 3], [0.5, -1, 0.25, 1, 0.75, -0.5]);
  const before = await run(bytes, x);
  const after = await run(writeModel(readModel(bytes)), x);
  expect(before?.shape).toEqual([2, 2]);
  // A step of float16 near 2 is a thousandth.
  expect(distance(after, before ?? x)).toBeLessThan(4e-3);
});
