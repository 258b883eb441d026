import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeVector, encodeVector, indexOfNotFinite } from "./vector.ts";

test("a vector is little-endian float32, nothing else", () => {
  expect([...encodeVector(Float32Array.of(1, -2))]).toEqual([0, 0, 128, 63, 0, 0, 0, 192]);
});

test("decoding inverts encoding, also from the middle of a buffer", () => {
  fc.assert(
    fc.property(fc.float32Array(), fc.nat({ max: 7 }), (vector, shift) => {
      const bytes = encodeVector(vector);
      const shifted = new Uint8Array(bytes.length + shift);
      shifted.set(bytes, shift);
      expect(decodeVector(shifted.subarray(shift), vector.length)).toEqual(Float32Array.from(vector));
    }),
  );
});

test("a vector of another length is refused", () => {
  for (const bytes of [0, 7, 12]) {
    expect(() => decodeVector(new Uint8Array(bytes), 2)).toThrow(
      expect.objectContaining({ code: "VECTOR_LENGTH" }),
    );
  }
});

test("the first number that is not finite is found, wherever and whichever it is", () => {
  fc.assert(
    fc.property(fc.float32Array(), (vector) => {
      expect(indexOfNotFinite(vector)).toBe(vector.findIndex((value) => !Number.isFinite(value)));
    }),
  );
});
