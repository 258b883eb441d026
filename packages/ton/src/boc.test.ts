import { alter, type Edit } from "@pingo/core/testing";
import { beginCell, Cell } from "@ton/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BOC_LIMITS, BocError, parseBoc } from "./boc.ts";

const arbTree: fc.Arbitrary<Cell> = fc.letrec<{ cell: Cell }>((tie) => ({
  cell: fc
    .record({
      bytes: fc.uint8Array({ maxLength: 100 }),
      refs: fc.oneof({ depthSize: "small" }, fc.constant([]), fc.array(tie("cell"), { maxLength: 4 })),
    })
    .map(({ bytes, refs }) => {
      const builder = beginCell().storeBuffer(Buffer.from(bytes));
      for (const ref of refs) builder.storeRef(ref);
      return builder.endCell();
    }),
})).cell;

function chain(depth: number): Cell {
  let cell = beginCell().endCell();
  for (let i = 0; i < depth; i++) cell = beginCell().storeRef(cell).endCell();
  return cell;
}

test("a bag that was written is read", () => {
  fc.assert(fc.property(arbTree, (cell) => parseBoc(cell.toBoc()).equals(cell)));
});

const arbEdit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  byte: fc.nat(255),
  how: fc.constantFrom("overwrite", "insert", "drop", "cut"),
});

test("altered bytes are read or refused with a code, never anything else", () => {
  fc.assert(
    fc.property(arbTree, fc.array(arbEdit, { minLength: 1, maxLength: 8 }), (cell, edits) => {
      try {
        parseBoc(alter(cell.toBoc(), edits));
      } catch (error) {
        expect(error).toBeInstanceOf(BocError);
      }
    }),
    { numRuns: 500 },
  );
});

test("each limit is refused by its own code", () => {
  const codeOf = (bytes: Uint8Array): unknown => {
    try {
      parseBoc(bytes);
      return "read";
    } catch (error) {
      return error instanceof BocError ? error.code : error;
    }
  };
  expect(codeOf(chain(BOC_LIMITS.depthMax).toBoc())).toBe("read");
  expect(codeOf(chain(BOC_LIMITS.depthMax + 1).toBoc())).toBe("BOC_TOO_DEEP");
  expect(codeOf(new Uint8Array(BOC_LIMITS.bytesMax + 1))).toBe("BOC_TOO_LARGE");
  expect(codeOf(Uint8Array.of(1, 2, 3))).toBe("BOC_MALFORMED");
  expect(codeOf(new Uint8Array())).toBe("BOC_MALFORMED");
  const leaves = Array.from({ length: 4 ** 7 }, (_, i) => beginCell().storeUint(i, 16).endCell());
  expect(codeOf(treeOf(leaves.slice(0, 8_192)).toBoc())).toBe("BOC_TOO_LARGE");
  expect(() => parseBoc(treeOf(leaves).toBoc(), { ...BOC_LIMITS, bytesMax: 10 ** 7 })).toThrow(
    expect.objectContaining({ code: "BOC_TOO_MANY_CELLS" }),
  );
});

function treeOf(cells: readonly Cell[]): Cell {
  if (cells.length === 1) return cells[0] ?? Cell.EMPTY;
  const builder = beginCell();
  const quarter = Math.ceil(cells.length / 4);
  for (let i = 0; i < cells.length; i += quarter) builder.storeRef(treeOf(cells.slice(i, i + quarter)));
  return builder.endCell();
}
