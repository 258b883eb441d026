/**
 * Who was given how much, as a tree whose root is posted and whose branches are proofs.
 *
 * The tree is TVM's own dictionary (owner's account hash → coins), so a contract reads a proof with one instruction.
 * Hashes are computed from sorted arrays, without cells: a million owners take some 150 MB. A fork is known by the
 * place at which it divides the sorted owners, which no two forks share.
 * SOURCE: TON's block.tlb (Hashmap), tvm.pdf 3.1.4 and 3.1.5 (hash and depth of a cell).
 */
import { hash } from "node:crypto";
import { assert } from "@pingo/core";
import { BitString, beginCell, Cell, convertToMerkleProof } from "@ton/core";
import { ClaimError } from "./claim-error.ts";

export interface Given {
  /** Account hash of the owner's address in the basechain, 32 bytes. */
  readonly owner: Uint8Array;
  /** All in all, since the first epoch. */
  readonly cumulativeNano: bigint;
}

const KEY_BYTES = 32;
const KEY_BITS = 256;
const HASH_BYTES = 32;
/** The supply is 10^18. */
const AMOUNT_NANO_MAX = 2n ** 63n;
const AMOUNT_LENGTH_BITS = 4;
const ORDINARY_TWO_REFS = 2;
const PRUNED_BRANCH = Buffer.from([1, 1]);

export class ClaimTree {
  readonly size: number;
  readonly totalNano: bigint;
  /** Sorted, one after the other. */
  readonly #keys: Uint8Array;
  readonly #amounts: BigUint64Array;
  readonly #leafHashes: Uint8Array;
  /** By the index of the first owner of the right half. */
  readonly #forkHashes: Uint8Array;
  readonly #forkDepths: Uint16Array;
  readonly #root: Node;

  /** @throws {ClaimError} when an owner stands there twice, a key is not 32 bytes, an amount is out of range, or nobody is given anything */
  constructor(given: readonly Given[]) {
    this.size = given.length;
    if (given.length === 0) throw new ClaimError({ code: "TREE_EMPTY" });
    const { keys, amounts, totalNano } = sorted(given);
    this.#keys = keys;
    this.#amounts = amounts;
    this.totalNano = totalNano;
    this.#leafHashes = new Uint8Array(this.size * HASH_BYTES);
    this.#forkHashes = new Uint8Array(this.size * HASH_BYTES);
    this.#forkDepths = new Uint16Array(this.size);
    this.#root = this.#build(0, this.size, 0);
  }

  /** What `PostRoot` carries. */
  get root(): bigint {
    return BigInt(`0x${Buffer.from(this.#hashOf(this.#root)).toString("hex")}`);
  }

  /** Nothing where the owner is not in the tree. */
  amountOf(owner: Uint8Array): bigint {
    const at = this.#placeOf(owner);
    return this.#isAt(at, owner) ? (this.#amounts[at] ?? 0n) : 0n;
  }

  /** The way to an owner, or to the place where that owner would be; everything else is cut off. */
  proofOf(owner: Uint8Array): Cell {
    assert(owner.byteLength === KEY_BYTES, "an owner is 32 bytes");
    return convertToMerkleProof(this.#branch(owner, 0, this.size, 0));
  }

  #build(from: number, to: number, bit: number): Node {
    if (to - from === 1) {
      const bytes = cellBytes(this.#leafBits(from, bit), []);
      this.#leafHashes.set(hash("sha256", bytes, "buffer"), from * HASH_BYTES);
      return { leaf: from };
    }
    const fork = this.#forkOf(from, to, bit);
    const left = this.#build(from, fork.at, fork.bit + 1);
    const right = this.#build(fork.at, to, fork.bit + 1);
    const refs = [left, right].map((node) => ({ depth: this.#depthOf(node), hash: this.#hashOf(node) }));
    const bytes = cellBytes(labelOf(this.#keys, from, bit, fork.bit), refs);
    this.#forkHashes.set(hash("sha256", bytes, "buffer"), fork.at * HASH_BYTES);
    this.#forkDepths[fork.at] = 1 + Math.max(...refs.map(({ depth }) => depth));
    return { fork: fork.at };
  }

  #branch(owner: Uint8Array, from: number, to: number, bit: number): Cell {
    if (to - from === 1) return cellOfBits(this.#leafBits(from, bit), []);
    const fork = this.#forkOf(from, to, bit);
    const label = labelOf(this.#keys, from, bit, fork.bit);
    const isBeside = commonBits(owner, 0, this.#keys, from, bit, fork.bit) < fork.bit;
    const children = ([side, start, end]: readonly [number, number, number]) =>
      !isBeside && bitOf(owner, 0, fork.bit) === side
        ? this.#branch(owner, start, end, fork.bit + 1)
        : this.#pruned(start, end, fork.bit + 1);
    return cellOfBits(label, [children([0, from, fork.at]), children([1, fork.at, to])]);
  }

  #pruned(from: number, to: number, bit: number): Cell {
    const node: Node = to - from === 1 ? { leaf: from } : { fork: this.#forkOf(from, to, bit).at };
    const bytes = Buffer.alloc(PRUNED_BRANCH.byteLength + HASH_BYTES + 2);
    PRUNED_BRANCH.copy(bytes);
    bytes.set(this.#hashOf(node), PRUNED_BRANCH.byteLength);
    bytes.writeUInt16BE(this.#depthOf(node), PRUNED_BRANCH.byteLength + HASH_BYTES);
    return new Cell({ exotic: true, bits: new BitString(bytes, 0, bytes.byteLength * 8) });
  }

  /** Where owners of a range part: the first bit in which they differ, and the first owner that has it set. */
  #forkOf(from: number, to: number, bit: number): { readonly at: number; readonly bit: number } {
    const parting = commonBits(this.#keys, from, this.#keys, to - 1, bit, KEY_BITS);
    let [low, high] = [from, to - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bitOf(this.#keys, middle, parting) === 1) high = middle;
      else low = middle + 1;
    }
    return { at: low, bit: parting };
  }

  #leafBits(at: number, bit: number): Bits {
    const bits = labelOf(this.#keys, at, bit, KEY_BITS);
    const amount = this.#amounts[at] ?? 0n;
    const bytes = amount === 0n ? 0 : Math.ceil(amount.toString(16).length / 2);
    bits.write(bytes, AMOUNT_LENGTH_BITS);
    for (let index = bytes - 1; index >= 0; index--)
      bits.write(Number((amount >> BigInt(8 * index)) & 0xffn), 8);
    return bits;
  }

  #hashOf(node: Node): Uint8Array {
    const [hashes, at] = "leaf" in node ? [this.#leafHashes, node.leaf] : [this.#forkHashes, node.fork];
    return hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
  }

  #depthOf(node: Node): number {
    return "leaf" in node ? 0 : (this.#forkDepths[node.fork] ?? 0);
  }

  #placeOf(owner: Uint8Array): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.#keys, middle, owner, 0) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isAt(at: number, owner: Uint8Array): boolean {
    return at < this.size && compare(this.#keys, at, owner, 0) === 0;
  }
}

type Node = { readonly leaf: number } | { readonly fork: number };

/** Bits of one cell, written from the left. */
class Bits {
  readonly bytes = new Uint8Array(128);
  length = 0;

  write(value: number, width: number): void {
    for (let index = width - 1; index >= 0; index--) {
      if ((value >> index) & 1)
        this.bytes[this.length >> 3] = (this.bytes[this.length >> 3] ?? 0) | (0x80 >> (this.length & 7));
      this.length += 1;
    }
  }
}

/**
 * The label of an edge: bits [from, to) of a key, in the shortest of three forms, as the network writes them.
 *
 * SOURCE: append_dict_label of TON's crypto/vm/dict.cpp; of equal lengths the short form wins, then the repeated one.
 */
function labelOf(keys: Uint8Array, at: number, from: number, to: number): Bits {
  const bits = new Bits();
  const length = to - from;
  const width = KEY_BITS - from === 0 ? 0 : 32 - Math.clz32(KEY_BITS - from);
  const first = length > 0 ? bitOf(keys, at, from) : 0;
  if (length > 1 && width < 2 * length - 1 && isRepeated(keys, at, from, to, first)) {
    bits.write(6 + first, 3);
    bits.write(length, width);
    return bits;
  }
  if (width < length) {
    bits.write(2, 2);
    bits.write(length, width);
  } else {
    bits.write(0, 1);
    for (let index = 0; index < length; index++) bits.write(1, 1);
    bits.write(0, 1);
  }
  for (let index = from; index < to; index++) bits.write(bitOf(keys, at, index), 1);
  return bits;
}

function isRepeated(keys: Uint8Array, at: number, from: number, to: number, first: number): boolean {
  for (let index = from; index < to; index++) if (bitOf(keys, at, index) !== first) return false;
  return true;
}

/** What the hash of an ordinary cell is of: descriptors, padded bits, depths, hashes. */
function cellBytes(
  bits: Bits,
  refs: readonly { readonly depth: number; readonly hash: Uint8Array }[],
): Buffer {
  const dataBytes = (bits.length + 7) >> 3;
  const bytes = Buffer.alloc(2 + dataBytes + refs.length * (2 + HASH_BYTES));
  bytes[0] = refs.length === ORDINARY_TWO_REFS ? ORDINARY_TWO_REFS : 0;
  bytes[1] = (bits.length >> 3) + dataBytes;
  bytes.set(bits.bytes.subarray(0, dataBytes), 2);
  if (bits.length % 8 !== 0) {
    const last = 1 + dataBytes;
    bytes[last] = (bytes[last] ?? 0) | (0x80 >> (bits.length % 8));
  }
  let offset = 2 + dataBytes;
  for (const { depth } of refs) offset = bytes.writeUInt16BE(depth, offset);
  for (const { hash: digest } of refs) {
    bytes.set(digest, offset);
    offset += HASH_BYTES;
  }
  return bytes;
}

function cellOfBits(bits: Bits, refs: readonly Cell[]): Cell {
  const cell = beginCell().storeBits(new BitString(Buffer.from(bits.bytes), 0, bits.length));
  for (const ref of refs) cell.storeRef(ref);
  return cell.endCell();
}

function sorted(given: readonly Given[]) {
  const unsorted = new Uint8Array(given.length * KEY_BYTES);
  for (const [at, { owner, cumulativeNano }] of given.entries()) {
    if (owner.byteLength !== KEY_BYTES)
      throw new ClaimError({ code: "OWNER_LENGTH", bytes: owner.byteLength });
    if (cumulativeNano < 0n || cumulativeNano >= AMOUNT_NANO_MAX) {
      throw new ClaimError({ code: "AMOUNT_RANGE", owner: hexOf(owner), amountNano: cumulativeNano });
    }
    unsorted.set(owner, at * KEY_BYTES);
  }
  const order = Uint32Array.from(given, (_, at) => at).sort((one, other) =>
    compare(unsorted, one, unsorted, other),
  );
  const keys = new Uint8Array(unsorted.byteLength);
  const amounts = new BigUint64Array(given.length);
  let totalNano = 0n;
  for (const [to, from] of order.entries()) {
    keys.set(unsorted.subarray(from * KEY_BYTES, (from + 1) * KEY_BYTES), to * KEY_BYTES);
    if (to > 0 && compare(keys, to - 1, keys, to) === 0) {
      throw new ClaimError({
        code: "OWNER_TWICE",
        owner: hexOf(keys.subarray(to * KEY_BYTES, (to + 1) * KEY_BYTES)),
      });
    }
    const amountNano = given[from]?.cumulativeNano ?? 0n;
    amounts[to] = amountNano;
    totalNano += amountNano;
  }
  return { keys, amounts, totalNano };
}

function compare(one: Uint8Array, oneAt: number, other: Uint8Array, otherAt: number): number {
  for (let index = 0; index < KEY_BYTES; index++) {
    const difference = (one[oneAt * KEY_BYTES + index] ?? 0) - (other[otherAt * KEY_BYTES + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function bitOf(keys: Uint8Array, at: number, bit: number): number {
  return ((keys[at * KEY_BYTES + (bit >> 3)] ?? 0) >> (7 - (bit & 7))) & 1;
}

/** The first bit of [from, to) in which two keys differ; `to` where none does. */
function commonBits(
  one: Uint8Array,
  oneAt: number,
  other: Uint8Array,
  otherAt: number,
  from: number,
  to: number,
): number {
  let bit = from;
  while (bit < to && bitOf(one, oneAt, bit) === bitOf(other, otherAt, bit)) bit += 1;
  return bit;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
