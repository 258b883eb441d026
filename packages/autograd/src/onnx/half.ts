/**
 * Numbers of 16 bits: IEEE 754 binary16 (float16), and the upper half of a float32 (bfloat16).
 *
 * Nothing is trained in them: weights that a file keeps so are lifted to float32 when it is read, exactly, and rounded to
 * the nearest, ties to even, when it is written again.
 */
import type { HalfType } from "../graph/tensor.ts";

/** SOURCE: TensorProto.DataType of the ONNX IR specification. */
const HALF_BY_NUMBER: ReadonlyMap<number, HalfType> = new Map([
  [10, "float16"],
  [16, "bfloat16"],
]);

export const HALF_NUMBER: { readonly [H in HalfType]: number } = { float16: 10, bfloat16: 16 };

/** Which of the two an element type of a file is, if one. */
export function halfOf(dataType: number): HalfType | undefined {
  return HALF_BY_NUMBER.get(dataType);
}

/** @param bits  uint16[n] → f32[n] */
export function widen(bits: Uint16Array, type: HalfType): Float32Array<ArrayBuffer> {
  const wide = new Float32Array(bits.length);
  if (type === "bfloat16") {
    const whole = new Uint32Array(wide.buffer);
    for (let i = 0; i < bits.length; i++) whole[i] = (bits[i] ?? 0) * 2 ** 16;
    return wide;
  }
  for (let i = 0; i < bits.length; i++) wide[i] = fromFloat16(bits[i] ?? 0);
  return wide;
}

/** @param numbers  f32[n] → uint16[n]; beyond the largest number lies infinity */
export function narrow(numbers: Float32Array, type: HalfType): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(numbers.length);
  const one = new Float32Array(1);
  const whole = new Uint32Array(one.buffer);
  for (let i = 0; i < numbers.length; i++) {
    one[0] = numbers[i] ?? 0;
    bits[i] = type === "bfloat16" ? toBfloat16(whole[0] ?? 0) : toFloat16(one[0]);
  }
  return bits;
}

const SIGN = 0x8000;
const NAN_16 = 0x7e00;

/** 1 sign, 5 exponent and 10 fraction bits. */
function fromFloat16(bits: number): number {
  const sign = bits & SIGN ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function toFloat16(value: number): number {
  if (Number.isNaN(value)) return NAN_16;
  const sign = value < 0 || Object.is(value, -0) ? SIGN : 0;
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  // In steps of the last place; what rounds up to the next power of two carries into the exponent by itself.
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 2 ** -14)));
  const places = roundTiesToEven(size / 2 ** (exponent - 10));
  const bits = size < 2 ** -14 ? places : (exponent + 14) * 1024 + places;
  return sign | Math.min(bits, 0x7c00);
}

function toBfloat16(bits: number): number {
  const isNan = (bits & 0x7fffffff) > 0x7f800000;
  if (isNan) return ((bits >>> 16) & SIGN) | 0x7fc0;
  const lower = bits % 2 ** 16;
  const upper = Math.floor(bits / 2 ** 16);
  const isUp = lower > SIGN || (lower === SIGN && upper % 2 === 1);
  return upper + Number(isUp);
}

function roundTiesToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor + (floor % 2);
  return rest > 0.5 ? floor + 1 : floor;
}
