/** Dense tensors in row-major order, and the element types the engine knows (names as ONNX writes them). */
export type DType = "float32" | "float64" | "int64" | "int32" | "int8" | "uint8" | "bool";

/** Element types of 16 bits, which files hold and nothing here computes in. */
export type HalfType = "float16" | "bfloat16";

/** bool is kept as one byte, 0 or 1. */
export interface TensorDataByDType {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  readonly int64: BigInt64Array;
  readonly int32: Int32Array;
  readonly int8: Int8Array;
  readonly uint8: Uint8Array;
  readonly bool: Uint8Array;
}

export type TensorData = TensorDataByDType[DType];

export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** A size known only when the model runs has a name, such as "batch"; equal names are equal sizes. */
export type Dim = number | string;
export type Shape = readonly Dim[];

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}
