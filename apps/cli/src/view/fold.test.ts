import fc from "fast-check";
import { expect, test } from "vitest";
import { columnsOf, cropped, fold } from "./fold.ts";

test("a line that fits stays as it is", () => {
  expect(fold("nothing runs", 12)).toEqual(["nothing runs"]);
  expect(fold("  your own work uses 1.2 cores", 40)).toEqual(["  your own work uses 1.2 cores"]);
});

test("what does not fit goes on to the right, and a long word begins where it is whole", () => {
  expect(fold("lends 1 of 8 cores, 2.00 GiB", 20)).toEqual(["lends 1 of 8 cores,", "    2.00 GiB"]);
  expect(fold("job 123456789012345678", 18)).toEqual(["job", "123456789012345678"]);
  expect(fold("job 1234567890123456789", 18)).toEqual(["job", "123456789012345678", "9"]);
});

test("a letter of two columns is counted as two, one that joins the letter before it as none", () => {
  expect(columnsOf("模型 a\u0301")).toBe(6);
  expect(fold("模型模型", 5)).toEqual(["模型", "模型"]);
});

test("a block leaves a row of the terminal free, or says how much is not shown", () => {
  expect(cropped(["a", "b"], 3)).toEqual(["a", "b"]);
  expect(cropped(["a", "b", "c", "d"], 4)).toEqual(["a", "b", "… 2 rows more in a taller window"]);
});

const words = fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 90 }), { maxLength: 30 });

test("no row is wider than the terminal, and no letter is lost", () => {
  fc.assert(
    fc.property(words, fc.integer({ min: 2, max: 130 }), (parts, columns) => {
      const line = parts.join(" ");
      const rows = fold(line, columns);
      for (const row of rows) expect(columnsOf(row)).toBeLessThanOrEqual(columns);
      const bare = (text: string) => text.replaceAll(" ", "");
      expect(bare(rows.join(""))).toBe(bare(line.trimEnd()));
    }),
  );
});
