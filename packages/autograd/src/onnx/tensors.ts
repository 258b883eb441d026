/** Tensors and element types as ONNX writes them. */
import { create } from "@bufbuild/protobuf";
import { LIMITS } from "@pingo/core";
import { sizeOfShape } from "../graph/shape.ts";
import type { DType, HalfType, Tensor, TensorData } from "../graph/tensor.ts";
import { ModelError } from "./fault.ts";
import { HALF_NUMBER, halfOf, narrow, widen } from "./half.ts";
import { type TensorProto, TensorProtoSchema } from "./onnx_pb.ts";

/** SOURCE: TensorProto.DataType of the ONNX IR specification. */
const NUMBER_BY_DTYPE: { readonly [D in DType]: number } = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
};

const NAMES_NOT_READ = new Map([
  [4, "uint16"],
  [5, "int16"],
  [8, "string"],
  [12, "uint32"],
  [13, "uint64"],
  [14, "complex64"],
  [15, "complex128"],
  [17, "float8"],
  [18, "float8"],
  [19, "float8"],
  [20, "float8"],
  [21, "uint4"],
  [22, "int4"],
  [23, "float4"],
]);

const EXTERNAL = 1;

const WIDTH_BYTES: { readonly [D in DType]: number } = {
  float32: 4,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  float64: 8,
};

export function dtypeNumber(dtype: DType): number {
  return NUMBER_BY_DTYPE[dtype];
}

/**
 * Half floats are lifted to float32 wherever they stand; see half.ts.
 *
 * @throws {ModelError} DTYPE_UNSUPPORTED, naming the value
 */
export function parseDType(number: number, value: string): DType {
  if (halfOf(number) !== undefined) return "float32";
  for (const dtype of ["float32", "int64", "bool", "int32", "float64", "uint8", "int8"] as const) {
    if (NUMBER_BY_DTYPE[dtype] === number) return dtype;
  }
  throw new ModelError({
    code: "DTYPE_UNSUPPORTED",
    value,
    dtype: NAMES_NOT_READ.get(number) ?? `number ${number}`,
  });
}

/** @throws {ModelError} DTYPE_UNSUPPORTED, TENSOR_MALFORMED, EXTERNAL_DATA */
export function readTensor(proto: TensorProto, name: string): Tensor {
  if (proto.dataLocation === EXTERNAL) throw new ModelError({ code: "EXTERNAL_DATA", tensor: name });
  const dtype = parseDType(proto.dataType, name);
  const shape = readDims(proto, name);
  const count = sizeOfShape(shape);
  const half = halfOf(proto.dataType);
  const data =
    half !== undefined
      ? halfData(proto, half, count, name)
      : proto.rawData === undefined
        ? typedData(proto, dtype)
        : rawData(proto.rawData, dtype, count, name);
  if (data.length !== count) {
    throw malformed(
      name,
      `its shape [${shape.join(", ")}] asks for ${count} elements and it holds ${data.length}`,
    );
  }
  return { dtype, shape, data };
}

/** @param half  what the file is to hold float32 as */
export function writeTensor(tensor: Tensor, name: string, half?: HalfType): TensorProto {
  if (half !== undefined && tensor.data instanceof Float32Array) {
    const bits = narrow(tensor.data, half);
    return create(TensorProtoSchema, {
      name,
      dataType: HALF_NUMBER[half],
      dims: tensor.shape.map(BigInt),
      rawData: new Uint8Array(bits.buffer),
    });
  }
  const { buffer, byteOffset, byteLength } = tensor.data;
  return create(TensorProtoSchema, {
    name,
    dataType: NUMBER_BY_DTYPE[tensor.dtype],
    dims: tensor.shape.map(BigInt),
    rawData: new Uint8Array(buffer, byteOffset, byteLength),
  });
}

function readDims(proto: TensorProto, name: string): number[] {
  if (proto.dims.length > LIMITS.tensorRankMax) {
    throw malformed(name, `it has ${proto.dims.length} axes; at most ${LIMITS.tensorRankMax} are accepted`);
  }
  const shape = proto.dims.map(Number);
  if (shape.some((dim) => dim < 0))
    throw malformed(name, `its shape [${shape.join(", ")}] has a negative size`);
  if (sizeOfShape(shape) > LIMITS.tensorElementsMax || shape.some((dim) => dim > LIMITS.tensorElementsMax)) {
    throw malformed(
      name,
      `its shape [${shape.join(", ")}] asks for more than ${LIMITS.tensorElementsMax} elements`,
    );
  }
  return shape;
}

/** Outside raw_data each number is the lower half of an int32. */
function halfData(proto: TensorProto, half: HalfType, count: number, name: string): Float32Array {
  if (proto.rawData === undefined) return widen(Uint16Array.from(proto.int32Data), half);
  checkRawLength(proto.rawData, half, 2 * count, count, name);
  return widen(new Uint16Array(new Uint8Array(proto.rawData).buffer), half);
}

function checkRawLength(raw: Uint8Array, dtype: string, bytes: number, count: number, name: string): void {
  if (raw.byteLength === bytes) return;
  throw malformed(
    name,
    `${count} elements of ${dtype} take ${bytes} bytes and raw_data has ${raw.byteLength}`,
  );
}

function rawData(raw: Uint8Array, dtype: DType, count: number, name: string): TensorData {
  checkRawLength(raw, dtype, count * WIDTH_BYTES[dtype], count, name);
  // A copy, so that it starts on a multiple of the element's width.
  const { buffer } = new Uint8Array(raw);
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return new Float64Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "uint8":
      return new Uint8Array(buffer);
    case "bool":
      return new Uint8Array(buffer).map((byte) => (byte === 0 ? 0 : 1));
  }
}

function typedData(proto: TensorProto, dtype: DType): TensorData {
  switch (dtype) {
    case "float32":
      return Float32Array.from(proto.floatData);
    case "float64":
      return Float64Array.from(proto.doubleData);
    case "int64":
      return BigInt64Array.from(proto.int64Data);
    case "int32":
      return Int32Array.from(proto.int32Data);
    case "int8":
      return Int8Array.from(proto.int32Data);
    case "uint8":
      return Uint8Array.from(proto.int32Data);
    case "bool":
      return Uint8Array.from(proto.int32Data, (number) => (number === 0 ? 0 : 1));
  }
}

function malformed(tensor: string, why: string): ModelError {
  return new ModelError({ code: "TENSOR_MALFORMED", tensor, why });
}
