import { alter, type Edit } from "@pingo/core/testing";
import fc from "fast-check";
import { test } from "vitest";
import { createFrameReader, encodeFrame, type Frame } from "./frame.ts";

const arbEdit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  byte: fc.nat({ max: 255 }),
  how: fc.constantFrom("overwrite", "overwrite", "insert", "drop", "cut"),
});
const arbFrame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ id: fc.nat(), request: fc.string() }),
  fc.record({ id: fc.nat(), answer: fc.uint8Array({ maxLength: 100 }) }),
  fc.record({ ping: fc.nat() }),
);

test("streams of frames that were altered end in a fault or in frames, never in a crash: 50,000", () => {
  const altered = fc.property(
    fc.array(arbFrame, { minLength: 1, maxLength: 5 }),
    fc.array(arbEdit, { minLength: 1, maxLength: 5 }),
    (frames, edits) => {
      const stream = alter(Buffer.concat(frames.map(encodeFrame)), edits);
      const reader = createFrameReader(1_000);
      const half = stream.byteLength >> 1;
      if (reader.push(stream.subarray(0, half)).fault === null) reader.push(stream.subarray(half));
    },
  );
  fc.assert(altered, { numRuns: 50_000 });
});
