/** No input may crash the process, hang, or take more memory than is given; the long version is reader.fuzz.ts. */
import { create, toBinary } from "@bufbuild/protobuf";
import { LIMITS } from "@pingo/core";
import { expect, test } from "vitest";
import { ModelProtoSchema } from "../src/onnx/onnx_pb.ts";
import { readModel } from "../src/onnx/reader.ts";
import { fuzzReader } from "./fuzz/run-child.ts";

const INPUTS = 3_000;

test("broken models end in a coded fault, or can be read and then trained or refused", async () => {
  const { failure, counts } = await fuzzReader(0, INPUTS);
  expect(failure).toBeUndefined();
  // Mutations reach every stage: bytes, rules of ONNX, shapes, programs.
  for (const code of [
    "ok",
    "MODEL_NOT_ONNX",
    "MODEL_ILLEGAL",
    "OP_UNSUPPORTED",
    "SHAPE_MISMATCH",
    "TENSOR_MALFORMED",
  ])
    expect(counts[code], code).toBeGreaterThan(0);
}, 120_000);

test("a node that waits for many others is sorted in one pass", () => {
  const names = Array.from({ length: 15_000 }, (_, i) => `v${i}`);
  const makers = names.map((name) => ({
    opType: "Constant",
    output: [name],
    attribute: [{ name: "value_float", type: 1, f: 1 }],
  }));
  const last = { opType: "Sum", input: names, output: ["y"] };
  const bytes = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      opsetImport: [{ domain: "", version: 17n }],
      graph: { node: [last, ...makers], output: [{ name: "y" }] },
    }),
  );
  expect(readModel(bytes).nodes).toHaveLength(1);
});

test("names that would be made up are counted past, not tried one by one", () => {
  const half = LIMITS.modelNodesMax / 2;
  const named = Array.from({ length: half }, (_, i) => ({
    opType: "Relu",
    name: `Relu_${half + i}`,
    input: ["x"],
    output: [`a${i}`],
  }));
  const unnamed = Array.from({ length: half }, (_, i) => ({
    opType: "Relu",
    input: ["x"],
    output: [`b${i}`],
  }));
  const shape = { dim: [{ value: { case: "dimValue" as const, value: 1n } }] };
  const type = { value: { case: "tensorType" as const, value: { elemType: 1, shape } } };
  const bytes = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      opsetImport: [{ domain: "", version: 17n }],
      graph: { input: [{ name: "x", type }], node: [...named, ...unnamed], output: [{ name: "b0" }] },
    }),
  );
  const { nodes } = readModel(bytes);
  expect(new Set(nodes.map(({ name }) => name)).size).toBe(LIMITS.modelNodesMax);
});
