/** Flat f32 vectors (weights, updates) as bytes: little-endian, nothing else, whatever the machine. */
import { TrainingError } from "./training-error.ts";

/**
 * Where the first number is that is infinite or none; −1 without.
 *
 * In plain loops, here and wherever a whole vector is walked: they run a few times in the life of a station, in code
 * that was never compiled well, where a call for each number costs ten times the number's own work.
 */
export function indexOfNotFinite(vector: Float32Array): number {
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i] ?? Number.NaN;
    if (value - value !== 0) return i; // Infinity − Infinity and NaN − NaN are NaN
  }
  return -1;
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** A view of the vector where the machine is little-endian: do not change the vector while the bytes are in use. */
export function encodeVector(vector: Float32Array): Uint8Array {
  if (isLittleEndian) return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  const view = new DataView(new ArrayBuffer(vector.byteLength));
  for (const [i, value] of vector.entries()) view.setFloat32(4 * i, value, true);
  return new Uint8Array(view.buffer);
}

/**
 * A vector of its own memory.
 *
 * @throws {TrainingError} VECTOR_LENGTH unless the bytes hold exactly `length` numbers
 */
export function decodeVector(bytes: Uint8Array, length: number): Float32Array<ArrayBuffer> {
  if (bytes.byteLength !== 4 * length) {
    throw new TrainingError({ code: "VECTOR_LENGTH", bytes: bytes.byteLength, expected: 4 * length });
  }
  const vector = new Float32Array(length);
  if (isLittleEndian) {
    new Uint8Array(vector.buffer).set(bytes);
    return vector;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < length; i++) vector[i] = view.getFloat32(4 * i, true);
  return vector;
}
