/**
 * Reads bags of cells that one process made for itself, and makes each cell once.
 *
 * Making a cell means hashing it, and the same code and state inits come back with every transaction: of a history's time
 * that was a quarter.
 */
import { assert } from "@pingo/core";
import { BitString, Cell } from "@ton/core";

const MAGIC = 0xb5ee9c72;
const ROOTS_FLAG_BITS = 0x80;
const EXOTIC_FLAG = 8;
const REFS_MASK = 7;
const WITH_HASHES_FLAG = 16;
/** Beyond it the pool begins anew, so that millions of balances do not fill the memory. */
const CELLS_MAX = 200_000;

export class CellPool {
  readonly #cellByContent = new Map<string, Cell>();
  readonly #numberByCell = new Map<Cell, number>();

  /** @param base64 a bag with one root, without hashes in its cells: what the emulator and @ton/core write */
  read(base64: string): Cell {
    if (this.#cellByContent.size > CELLS_MAX) this.#forget();
    const bytes = Buffer.from(base64, "base64");
    assert(bytes.readUInt32BE(0) === MAGIC, "a bag of cells begins with its magic number");
    const flags = bytes.readUInt8(4);
    const refBytes = flags & REFS_MASK;
    const offsetBytes = bytes.readUInt8(5);
    const count = bytes.readUIntBE(6, refBytes);
    assert(bytes.readUIntBE(6 + refBytes, refBytes) === 1, "a bag of ours has one root");
    // Magic, flags, offset's length; cells, roots, absent, size of all, and the root's number; the index where there is one.
    let at = 6 + 3 * refBytes + offsetBytes;
    const root = bytes.readUIntBE(at, refBytes);
    at += refBytes + ((flags & ROOTS_FLAG_BITS) === 0 ? 0 : count * offsetBytes);

    const starts: number[] = [];
    for (let n = 0; n < count; n++) {
      starts.push(at);
      const descriptor = bytes.readUInt8(at);
      assert((descriptor & WITH_HASHES_FLAG) === 0, "cells of ours carry no hashes");
      at += 2 + Math.ceil(bytes.readUInt8(at + 1) / 2) + (descriptor & REFS_MASK) * refBytes;
    }
    const cells: Cell[] = new Array(count);
    // Children come after their parents.
    for (let n = count - 1; n >= 0; n--) cells[n] = this.#cellAt(bytes, starts[n] ?? 0, refBytes, cells);
    const cell = cells[root];
    assert(cell !== undefined, "the root is in its bag");
    return cell;
  }

  #cellAt(bytes: Buffer, start: number, refBytes: number, cells: readonly Cell[]): Cell {
    const descriptor = bytes.readUInt8(start);
    const halves = bytes.readUInt8(start + 1);
    const end = start + 2 + Math.ceil(halves / 2);
    const refs: Cell[] = [];
    let content = bytes.toString("latin1", start, end);
    for (let n = 0; n < (descriptor & REFS_MASK); n++) {
      const child = cells[bytes.readUIntBE(end + n * refBytes, refBytes)];
      assert(child !== undefined, "a cell's children are in its bag");
      refs.push(child);
      content += `,${this.#numberByCell.get(child)}`;
    }
    const known = this.#cellByContent.get(content);
    if (known) return known;
    const bits = new BitString(
      Buffer.from(bytes.subarray(start + 2, end)),
      0,
      bitsOf(bytes, start + 2, end, halves),
    );
    const cell = new Cell({ exotic: (descriptor & EXOTIC_FLAG) !== 0, bits, refs });
    this.#cellByContent.set(content, cell);
    this.#numberByCell.set(cell, this.#numberByCell.size);
    return cell;
  }

  #forget(): void {
    this.#cellByContent.clear();
    this.#numberByCell.clear();
  }
}

// An odd number of halves: the last one bit of the last byte ends the data.
function bitsOf(bytes: Buffer, start: number, end: number, halves: number): number {
  const bits = (end - start) * 8;
  if (halves % 2 === 0) return bits;
  const last = bytes.readUInt8(end - 1);
  return bits - 1 - (31 - Math.clz32(last & -last));
}
