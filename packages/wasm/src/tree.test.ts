import fc from "fast-check";
import { expect, test } from "vitest";
import { Quota } from "./quota.ts";
import { OutputFile } from "./tree.ts";

const MIB = 1_048_576;

test("a file of many parts is written, read, cut and grown like one piece of memory", () => {
  const near = fc.oneof(fc.nat(64), fc.integer({ min: MIB - 64, max: MIB + 64 }), fc.nat(3 * MIB));
  const step = fc.oneof(
    fc.record({ at: near, bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }) }),
    fc.record({ sizeBytes: near }),
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), near, (steps, from) => {
      const file = new OutputFile(new Quota(8 * MIB));
      let expected = Buffer.alloc(0);
      for (const step of steps) {
        const sizeBytes = "at" in step ? step.at + step.bytes.byteLength : step.sizeBytes;
        if (!("at" in step) || sizeBytes > expected.byteLength) {
          const resized = Buffer.alloc(sizeBytes);
          expected.copy(resized);
          expected = resized;
        }
        if ("at" in step) {
          expect(file.write(step.at, step.bytes)).toBe(step.bytes.byteLength);
          expected.set(step.bytes, step.at);
        } else file.resize(sizeBytes);
        expect(file.sizeBytes).toBe(expected.byteLength);
      }
      expect(Buffer.concat([...file.parts()]).equals(expected)).toBe(true);
      const into = Buffer.alloc(100);
      const read = file.read(from, into);
      expect(into.subarray(0, read).equals(expected.subarray(from, from + 100))).toBe(true);
    }),
    { numRuns: 60 },
  );
});
