import { Cell } from "@ton/core";

/** A cell that we wrote ourselves. */
export function readCell(boc: Buffer): Cell {
  const [cell] = Cell.fromBoc(boc);
  if (cell === undefined) throw new TypeError("a bag of our own has a root");
  return cell;
}
