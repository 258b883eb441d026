import { BitString, Cell } from "@ton/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf } from "../code.ts";
import { CellPool } from "./cell-pool.ts";

const DEPTH = 4;
const arbCell: fc.Memo<Cell> = fc.memo((depth) =>
  fc
    .record({
      bytes: fc.uint8Array({ maxLength: 127 }),
      cut: fc.nat({ max: 7 }),
      refs: depth > 1 ? fc.array(arbCell(depth - 1), { maxLength: 4 }) : fc.constant<Cell[]>([]),
    })
    .map(({ bytes, cut, refs }) => {
      const bits = Math.max(bytes.length * 8 - cut, 0);
      return new Cell({ bits: new BitString(Buffer.from(bytes), 0, bits), refs });
    }),
);

test("a bag of cells is read as @ton/core reads it, with and without index and checksum, again and again", () => {
  const pool = new CellPool();
  fc.assert(
    fc.property(arbCell(DEPTH), fc.boolean(), fc.boolean(), (cell, idx, crc32) => {
      const base64 = cell.toBoc({ idx, crc32 }).toString("base64");
      const read = pool.read(base64);
      expect(read.hash()).toEqual(cell.hash());
      expect(read.toBoc()).toEqual(cell.toBoc());
      expect(pool.read(base64)).toBe(read);
    }),
  );
});

test("code is one cell, in whatever bag it comes", () => {
  const pool = new CellPool();
  const code = codeOf("governance");
  const wrapped = new Cell({ refs: [code] }).toBoc().toString("base64");
  const plain = pool.read(code.toBoc().toString("base64"));
  expect(plain.equals(code)).toBe(true);
  expect(pool.read(wrapped).refs[0]).toBe(plain);
});
