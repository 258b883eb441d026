/** Tensors as little-endian bytes and back. */
import type { DType, Tensor, TensorData } from "@pingo/autograd";
import { assert } from "@pingo/core";

// Typed arrays are used as they lie in memory; every platform that Node runs on agrees.
assert(new Uint8Array(Uint16Array.of(1).buffer)[0] === 1, "PinGo runs on little-endian machines only");

export const BYTES_BY_DTYPE: { readonly [D in DType]: number } = {
  float32: 4,
  float64: 8,
  int64: 8,
  int32: 4,
  int8: 1,
  uint8: 1,
  bool: 1,
};

const NEW_BY_DTYPE: { readonly [D in DType]: (buffer: ArrayBuffer) => TensorData } = {
  float32: (buffer) => new Float32Array(buffer),
  float64: (buffer) => new Float64Array(buffer),
  int64: (buffer) => new BigInt64Array(buffer),
  int32: (buffer) => new Int32Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
  uint8: (buffer) => new Uint8Array(buffer),
  bool: (buffer) => new Uint8Array(buffer),
};

/** The tensor's own bytes, not a copy. */
export function bytesOfTensor({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** @param bytes all the tensor's bytes, from offset 0 of their buffer; the tensor takes them over */
export function tensorOfBytes(
  dtype: DType,
  shape: readonly number[],
  bytes: Uint8Array<ArrayBuffer>,
): Tensor {
  assert(bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength, "a buffer of its own");
  return { dtype, shape, data: NEW_BY_DTYPE[dtype](bytes.buffer) };
}

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
