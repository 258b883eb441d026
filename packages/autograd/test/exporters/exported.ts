/** What a test needs of a model that is spelled as an exporter spells it, and the words to write one down. */
import type { Tensor } from "../../src/graph/tensor.ts";
import { type FileModel, type FileNode, fileModel, i64, wave } from "../../src/onnx/testing/file-model.ts";

export interface Exported {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Rows come first. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** What training must find to change, and nothing else. */
  readonly parameters: readonly string[];
}

export const ROWS = 4;

type Init = Omit<FileModel, "initializers"> & {
  readonly name: string;
  readonly weights: Readonly<Record<string, readonly number[]>>;
  /** Tables and settings that lie beside the weights. */
  readonly tables?: Readonly<Record<string, Tensor>>;
};

/** Weights are numbers between −½ and ½ that look random. */
export function exported({ name, weights, tables = {}, ...init }: Init): Exported {
  const drawn = Object.entries(weights).map(([key, shape], i): [string, Tensor] => {
    const { data } = wave(shape, i + 2);
    return [
      key,
      { dtype: "float32", shape, data: Float32Array.from(Array.from(data, Number), (number) => number / 2) },
    ];
  });
  const initializers = { ...Object.fromEntries(drawn), ...tables };
  const bytes = fileModel({ ...init, initializers });
  return { name, bytes, inputs: init.inputs, parameters: Object.keys(weights) };
}

export function node(
  opType: string,
  input: readonly string[],
  output: string | readonly string[],
  ...attribute: readonly object[]
): FileNode {
  const outputs = typeof output === "string" ? [output] : output;
  return { opType, name: `node_${opType}_${outputs[0]}`, input, output: outputs, attribute };
}

export const value = (t: object) => ({ name: "value", type: 4, t });

/** A Constant of whole numbers, as attribute value_ints. */
export const wholes = (output: string, ...values: readonly number[]): FileNode =>
  node("Constant", [], output, { name: "value_ints", type: 7, ints: values.map(BigInt) });

export const INT64_MAX = 2n ** 63n - 1n;
export const INT64_MIN = -(2n ** 63n);

/** A Constant that holds a bound beyond what a number holds exactly. */
export const bound = (output: string, bigint: bigint): FileNode =>
  node("Constant", [], output, { name: "value_ints", type: 7, ints: [bigint] });

/** Whole numbers 0…below − 1. */
export function tokens(shape: readonly number[], below: number): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return i64(
    shape,
    Array.from({ length: size }, (_, i) => (i * 7 + (i >> 2)) % below),
  );
}
