import fc from "fast-check";
import { expect, test } from "vitest";
import { createSampler } from "./sample.ts";

const arbOptions = fc.record({
  rows: fc.integer({ min: 1, max: 50 }),
  batchSize: fc.integer({ min: 1, max: 60 }),
  seed: fc.nat({ max: 0xffffffff }),
});

test("every epoch draws every row once", () => {
  fc.assert(
    fc.property(arbOptions, (options) => {
      // batchSize epochs in `rows` batches.
      const drawn = createSampler(options).draw(options.rows);
      for (let epoch = 0; epoch < options.batchSize; epoch++) {
        const rows = [...drawn.slice(epoch * options.rows, (epoch + 1) * options.rows)].map(Number);
        expect(rows.sort((a, b) => a - b)).toEqual(Array.from({ length: options.rows }, (_, row) => row));
      }
    }),
  );
});

test("the draws do not depend on how they are cut into calls", () => {
  fc.assert(
    fc.property(arbOptions, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (options, calls) => {
      const apart = createSampler(options);
      const pieces = calls.flatMap((steps) => [...apart.draw(steps)]);
      const total = calls.reduce((sum, steps) => sum + steps, 0);
      expect([...createSampler(options).draw(total)]).toEqual(pieces);
    }),
  );
});

test("the draws of a seed never change: two machines must agree", () => {
  expect([...createSampler({ rows: 7, batchSize: 3, seed: 42 }).draw(4)].map(Number)).toMatchInlineSnapshot(`
    [
      5,
      6,
      0,
      4,
      1,
      2,
      3,
      4,
      5,
      0,
      3,
      6,
    ]
  `);
});
