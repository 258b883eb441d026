import * as dagCbor from "@ipld/dag-cbor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CodecError, DECODE_LIMITS, decodeCanonical, encodeCanonical, equalBytes } from "./codec.ts";
import { isFault } from "./fault.ts";

const arbValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
    fc.string(),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value;

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isFault(error)) return error.code;
    throw error;
  }
  return "none";
}

describe("canonical codec", () => {
  test("decode inverts encode, and one value has one encoding", () => {
    fc.assert(
      fc.property(arbValue, (value) => {
        const bytes = encodeCanonical(value);
        const decoded = decodeCanonical(bytes);
        expect(decoded).toEqual(value);
        expect(equalBytes(encodeCanonical(decoded), bytes)).toBe(true);
      }),
    );
  });

  test("key order does not change the bytes", () => {
    expect(encodeCanonical({ a: 1, bb: 2 })).toEqual(encodeCanonical({ bb: 2, a: 1 }));
  });

  test("arbitrary bytes are either canonical or refused with a code", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const code = codeOf(() => {
          const value = decodeCanonical(bytes);
          expect(equalBytes(encodeCanonical(value), bytes)).toBe(true);
        });
        expect(["none", "VALUE_MALFORMED", "VALUE_TOO_DEEP", "VALUE_TOO_MANY_ITEMS"]).toContain(code);
      }),
      { numRuns: 2_000 },
    );
  });

  test("maps with unsorted or doubled keys are refused", () => {
    const unsorted = Uint8Array.of(0xa2, 0x61, 0x62, 0x01, 0x61, 0x61, 0x02);
    const doubled = Uint8Array.of(0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x02);
    expect(codeOf(() => decodeCanonical(unsorted))).toBe("VALUE_MALFORMED");
    expect(codeOf(() => decodeCanonical(doubled))).toBe("VALUE_MALFORMED");
  });

  test("a nest over the depth limit is refused before it is built", () => {
    const deep = new Uint8Array(100_000).fill(0x81);
    expect(codeOf(() => decodeCanonical(deep))).toBe("VALUE_TOO_DEEP");
    const atLimit = Uint8Array.from([...new Array(DECODE_LIMITS.depthMax).fill(0x81), 0x01]);
    expect(codeOf(() => decodeCanonical(atLimit))).toBe("none");
  });

  test("a claimed length of 2^32 items costs nothing and is refused", () => {
    const claim = Uint8Array.of(0x9b, 0, 0, 0, 1, 0, 0, 0, 0);
    expect(codeOf(() => decodeCanonical(claim))).toBe("VALUE_MALFORMED");
  });

  test("too many items and too many bytes are refused", () => {
    const items = dagCbor.encode(new Array(DECODE_LIMITS.itemsMax + 1).fill(0));
    expect(codeOf(() => decodeCanonical(items))).toBe("VALUE_TOO_MANY_ITEMS");
    const bytes = dagCbor.encode(new Uint8Array(DECODE_LIMITS.bytesMax + 1));
    expect(codeOf(() => decodeCanonical(bytes))).toBe("VALUE_TOO_LARGE");
    expect(() => decodeCanonical(bytes)).toThrow(CodecError);
  });
});
