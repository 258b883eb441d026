import fc from "fast-check";
import { test } from "vitest";
import { assert } from "./assert.ts";
import { decodeCanonical, encodeCanonical, equalBytes } from "./codec.ts";
import { isFault } from "./fault.ts";
import { alter, type Edit } from "./testing/alter.ts";

const arbEdit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  byte: fc.nat({ max: 255 }),
  how: fc.constantFrom("overwrite", "overwrite", "insert", "drop", "cut"),
});
const arbValue = fc.oneof(
  fc.object({ maxDepth: 4, withNullPrototype: false, values: [fc.integer(), fc.string(), fc.uint8Array()] }),
);

/** Canonical, and then the only encoding of its value, or refused with a code. */
function check(bytes: Uint8Array): void {
  try {
    assert(equalBytes(encodeCanonical(decodeCanonical(bytes)), bytes), "two encodings of one value");
  } catch (error) {
    if (!isFault(error)) throw error;
  }
}

test("arbitrary bytes: 100,000 values", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check), { numRuns: 100_000 });
});

test("values that were altered: 50,000", () => {
  const altered = fc.property(arbValue, fc.array(arbEdit, { minLength: 1, maxLength: 5 }), (value, edits) =>
    check(alter(encodeCanonical(value), edits)),
  );
  fc.assert(altered, { numRuns: 50_000 });
});
