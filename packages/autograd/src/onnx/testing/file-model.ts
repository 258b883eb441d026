/** Model files as exporters write them, down to spelling; for tests. */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Tensor } from "../../graph/tensor.ts";
import { type ModelProto, ModelProtoSchema, type TensorProto } from "../onnx_pb.ts";
import { dtypeNumber, writeTensor } from "../tensors.ts";

export interface FileNode {
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute?: readonly object[];
  readonly domain?: string;
  readonly name?: string;
}

export interface FileModel {
  readonly opset?: number;
  /** Versions of further domains. */
  readonly domains?: Readonly<Record<string, number>>;
  /** Types are taken from the tensors, which are also what a test feeds. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Sizes of an input that the file leaves open, by name. */
  readonly open?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly initializers?: Readonly<Record<string, Tensor>>;
  readonly rawInitializers?: readonly object[];
  readonly nodes: readonly FileNode[];
  readonly outputs?: readonly string[];
  readonly functions?: readonly FileFunction[];
}

export interface FileFunction {
  readonly domain: string;
  readonly name: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly node: readonly FileNode[];
  /** Names of those without a default. */
  readonly attribute?: readonly string[];
  readonly attributeProto?: readonly object[];
  readonly opset?: number;
}

export function fileModel(init: FileModel): Uint8Array {
  const graph = fileGraph(init);
  const functions = (init.functions ?? []).map(({ opset = init.opset ?? 17, ...one }) => ({
    ...one,
    opsetImport: opsetsOf({ ...init, opset }),
  }));
  // SAFETY: the literals below follow the schema; TypeScript widens their `case` to string.
  const typed = { irVersion: 8n, opsetImport: opsetsOf(init), graph, functions } as unknown as ModelProto;
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, typed));
}

function opsetsOf({ opset = 17, domains = {} }: Pick<FileModel, "opset" | "domains">): object[] {
  const versions = [["", opset] as const, ...Object.entries(domains)];
  return versions.map(([domain, version]) => ({ domain, version: BigInt(version) }));
}

function fileGraph(init: Omit<FileModel, "opset" | "domains">): object {
  return {
    name: "test",
    input: [...init.inputs].map(([name, { dtype, shape }]) => ({
      name,
      type: {
        value: {
          case: "tensorType",
          value: {
            elemType: dtypeNumber(dtype),
            shape: { dim: (init.open?.[name] ?? shape).map(dimension) },
          },
        },
      },
    })),
    output: (init.outputs ?? ["y"]).map((name) => ({ name })),
    initializer: [
      ...Object.entries(init.initializers ?? {}).map(
        ([name, tensor]): TensorProto => writeTensor(tensor, name),
      ),
      ...(init.rawInitializers ?? []),
    ],
    node: init.nodes,
  };
}

function dimension(size: number | string) {
  return typeof size === "number"
    ? { value: { case: "dimValue", value: BigInt(size) } }
    : { value: { case: "dimParam", value: size } };
}

export const int = (name: string, i: number) => ({ name, type: 2, i: BigInt(i) });
export const float = (name: string, f: number) => ({ name, type: 1, f });
export const text = (name: string, value: string) => ({ name, type: 3, s: new TextEncoder().encode(value) });
export const ints = (name: string, values: readonly number[]) => ({
  name,
  type: 7,
  ints: values.map(BigInt),
});
export const floats = (name: string, values: readonly number[]) => ({ name, type: 6, floats: [...values] });
export const texts = (name: string, values: readonly string[]) => ({
  name,
  type: 8,
  strings: values.map((value) => new TextEncoder().encode(value)),
});

export function f32(shape: readonly number[], values: Iterable<number>): Tensor {
  return { dtype: "float32", shape, data: Float32Array.from(values) };
}

export function i64(shape: readonly number[], values: Iterable<number>): Tensor {
  return { dtype: "int64", shape, data: BigInt64Array.from(values, BigInt) };
}

export function i32(shape: readonly number[], values: Iterable<number>): Tensor {
  return { dtype: "int32", shape, data: Int32Array.from(values) };
}

/** Numbers between −1 and 1 that look random and are the same in every run. */
export function wave(shape: readonly number[], phase = 1): Tensor {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return f32(
    shape,
    Array.from({ length: size }, (_, i) => Math.sin(phase * 12.9898 + (i + 1) * 78.233)),
  );
}

/** The largest distance between what two runs returned, over the larger of 1 and the largest element. */
export function distance(found: Tensor | undefined, expected: Tensor): number {
  if (found === undefined || found.dtype !== expected.dtype) return Number.NaN;
  if (found.shape.join() !== expected.shape.join()) return Number.NaN;
  const wanted = Array.from(expected.data, Number);
  const scale = Math.max(1, ...wanted.filter(Number.isFinite).map(Math.abs));
  const errors = Array.from(found.data, Number).map((got, i) =>
    Object.is(got, wanted[i]) || got === wanted[i] ? 0 : Math.abs(got - Number(wanted[i])) / scale,
  );
  return Math.max(0, ...errors);
}
