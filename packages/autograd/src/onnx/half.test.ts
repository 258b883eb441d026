import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { narrow, widen } from "./half.ts";

const every = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
const isNan = (bits: number, exponent: number) =>
  (bits & exponent) === exponent && (bits & ~exponent & 0x7fff) > 0;

describe.each([
  ["float16", 0x7c00, 65_504],
  ["bfloat16", 0x7f80, 3.3895313892515355e38],
] as const)("%s", (type, exponent, largest) => {
  test("all 65,536 numbers but NaNs come back bit for bit", () => {
    const back = narrow(widen(every, type), type);
    expect(every.filter((bits) => !isNan(bits, exponent) && back[bits] !== bits)).toHaveLength(0);
    expect(every.filter((bits) => isNan(bits, exponent) && !isNan(back[bits] ?? 0, exponent))).toHaveLength(
      0,
    );
  });

  test("a number is rounded to the nearer of its two neighbours, and a tie to the even one", () => {
    const finite = every.filter((bits) => bits < exponent);
    const values = widen(finite, type);
    fc.assert(
      fc.property(fc.nat({ max: finite.length - 2 }), fc.constantFrom(0.25, 0.5, 0.75), (at, part) => {
        const [low = 0, high = 0] = values.subarray(at, at + 2);
        const between = Math.fround(low + part * (high - low));
        fc.pre(between === low + part * (high - low)); // a place that float32 has
        const nearer = part === 0.5 ? at + (at % 2) : at + Math.round(part);
        expect(narrow(Float32Array.of(between, -between), type)).toEqual(
          Uint16Array.of(nearer, nearer + 0x8000),
        );
      }),
    );
  });

  test("beyond the largest lies infinity", () => {
    const most = narrow(Float32Array.of(largest, Number.POSITIVE_INFINITY, -largest), type);
    expect(most).toEqual(Uint16Array.of(exponent - 1, exponent, exponent - 1 + 0x8000));
  });
});

test("float16 of numbers known by heart", () => {
  const known: readonly (readonly [number, number])[] = [
    [0, 0],
    [1, 0x3c00],
    [-2, 0xc000],
    [0.1, 0x2e66],
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [2 ** -24, 1],
    [2 ** -25, 0],
    [1e9, 0x7c00],
  ];
  for (const [value, bits] of known)
    expect(narrow(Float32Array.of(value), "float16")[0], `${value}`).toBe(bits);
});
