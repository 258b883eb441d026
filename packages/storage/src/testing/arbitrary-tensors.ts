import type { DType, Tensor } from "@pingo/autograd";
import fc from "fast-check";
import { BYTES_BY_DTYPE, elementsOf, tensorOfBytes } from "../tensor-bytes.ts";

/** Tensors of any bits, NaNs included; a bool is 0 or 1. */
export function arbTensor(dtype: DType, shape: readonly number[]): fc.Arbitrary<Tensor> {
  const length = elementsOf(shape) * BYTES_BY_DTYPE[dtype];
  const byte = fc.uint8Array({ minLength: length, maxLength: length, max: dtype === "bool" ? 1 : 255 });
  return byte.map((bytes) => tensorOfBytes(dtype, shape, new Uint8Array(bytes)));
}
