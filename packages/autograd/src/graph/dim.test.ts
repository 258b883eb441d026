import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addDims, bindDim, divideExactly, floorDivide, type MaybeDim, mulDims, subDims } from "./dim.ts";
import type { Dim } from "./tensor.ts";

const bindings = new Map([
  ["batch", 6],
  ["seq", 4],
]);

/** Expressions over two names, with what they come to. */
const arbDim: fc.Arbitrary<Dim> = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Dim>("batch", "seq"),
    fc.integer({ min: -5, max: 5 }),
    fc.tuple(tie("dim"), tie("dim")).map(([a, b]): Dim => addDims(a, b) ?? 0),
    fc.tuple(tie("dim"), tie("dim")).map(([a, b]): Dim => mulDims(a, b) ?? 0),
  ),
})).dim;

function boundTo(dim: MaybeDim): MaybeDim {
  return dim === undefined ? undefined : bindDim(dim, bindings);
}

describe("sizes with names", () => {
  test("arithmetic commutes with giving the names numbers", () => {
    fc.assert(
      fc.property(arbDim, arbDim, (a, b) => {
        const [x, y] = [Number(boundTo(a)), Number(boundTo(b))];
        for (const [got, want] of [
          [addDims(a, b), x + y],
          [subDims(a, b), x - y],
          [mulDims(a, b), x * y + 0], // −0 + 0 is 0
        ] as const) {
          if (got !== undefined) expect(boundTo(got)).toBe(want);
        }
      }),
    );
  });

  test("equal sizes are equal strings, however they were computed", () => {
    fc.assert(
      fc.property(arbDim, arbDim, (a, b) => {
        expect(addDims(a, b)).toBe(addDims(b, a));
        expect(mulDims(a, b)).toBe(mulDims(b, a));
        expect(subDims(addDims(a, b), b)).toBe(addDims(a, b) === undefined ? undefined : addDims(a, 0));
      }),
    );
  });

  test("a product divides by its factor", () => {
    expect(divideExactly("12*batch", 4)).toBe("3*batch");
    expect(divideExactly(mulDims("batch", "seq"), "seq")).toBe("batch");
    expect(divideExactly("batch", 2)).toBeUndefined();
    expect(divideExactly("batch", 0)).toBeUndefined();
  });

  test("what does not divide is a name of its own", () => {
    expect(floorDivide(7, 2)).toBe(3);
    expect(floorDivide("batch", 2)).toBe("floor((batch)/(2))");
    expect(mulDims(floorDivide("batch", 2), 3)).toBe("3*floor((batch)/(2))");
  });

  test("an expression too long to read, or a number too large, is unknown", () => {
    let long: MaybeDim = "a name of some length";
    for (let i = 0; i < 12; i++) long = addDims(long, `another name ${i}`);
    expect(long).toBeUndefined();
    expect(mulDims(2 ** 40, 2 ** 40)).toBeUndefined();
  });
});
