/**
 * The files that a piece sees. None of them is a file of the computer: what it reads are blocks, what it writes is memory,
 * and there are no links of any kind, so that no path leads anywhere else.
 */
import { assert, type Cid } from "@pingo/core";
import type { StoredFile, StoredTree } from "@pingo/storage";
import { Errno } from "./errno.ts";
import { PieceEnded } from "./piece-ended.ts";
import type { Quota } from "./quota.ts";

/** The bytes of a raw block, which the caller has. */
export type ReadLeaf = (cid: Cid) => Uint8Array;

export type TreeNode = Folder | InputFile | OutputFile | TextStream;

/** Of output: what is below counts towards the depth that a store takes. */
const DEPTH_MAX = 16;
const NAME_BYTES_MAX = 255;
/** A long file is held in parts: growing one of 256 MiB at a stroke would take memory for two. */
const PART_BYTES = 1_048_576;

export class Folder {
  readonly kind = "folder";
  readonly isReadOnly: boolean;
  readonly entries = new Map<string, TreeNode>();
  #depth: number;

  constructor({ isReadOnly, depth = 0 }: { readonly isReadOnly: boolean; readonly depth?: number }) {
    this.isReadOnly = isReadOnly;
    this.#depth = depth;
  }

  /** @throws {Errno} rofs, inval, nametoolong */
  checkNew(name: string): void {
    if (this.isReadOnly) throw new Errno("rofs");
    if (Buffer.byteLength(name) > NAME_BYTES_MAX) throw new Errno("nametoolong");
    // What some system reads as a separator cannot be fetched there.
    if (name === "" || /[\\\0]/.test(name)) throw new Errno("inval");
  }

  addFolder(name: string, quota: Quota): void {
    this.checkNew(name);
    if (this.#depth === DEPTH_MAX) throw new Errno("nametoolong");
    quota.takeEntry();
    this.entries.set(name, new Folder({ isReadOnly: false, depth: this.#depth + 1 }));
  }

  addFile(name: string, quota: Quota): OutputFile {
    this.checkNew(name);
    quota.takeEntry();
    const file = new OutputFile(quota);
    this.entries.set(name, file);
    return file;
  }

  /** @throws {Errno} inval where that is in itself, nametoolong where it would lie too deep */
  moveBelow(parent: Folder): void {
    if (this.#holds(parent)) throw new Errno("inval");
    if (parent.#depth + this.#height() > DEPTH_MAX) throw new Errno("nametoolong");
    this.#sink(parent.#depth + 1);
  }

  #folders(): readonly Folder[] {
    return [...this.entries.values()].filter((node) => node instanceof Folder);
  }

  #holds(other: Folder): boolean {
    return other === this || this.#folders().some((folder) => folder.#holds(other));
  }

  #height(): number {
    return 1 + Math.max(0, ...this.#folders().map((folder) => folder.#height()));
  }

  #sink(depth: number): void {
    this.#depth = depth;
    for (const folder of this.#folders()) folder.#sink(depth + 1);
  }
}

/** Read block by block, of which the last is kept. */
export class InputFile {
  readonly kind = "file";
  readonly isReadOnly = true;
  readonly sizeBytes: number;
  readonly #parts: StoredFile["parts"];
  /** Where each part begins. */
  readonly #offsets: readonly number[];
  readonly #readLeaf: ReadLeaf;
  #held: { readonly part: number; readonly bytes: Uint8Array } | undefined;

  constructor({ sizeBytes, parts }: StoredFile, readLeaf: ReadLeaf) {
    this.sizeBytes = sizeBytes;
    this.#parts = parts;
    this.#readLeaf = readLeaf;
    let offset = 0;
    this.#offsets = parts.map((part) => {
      const at = offset;
      offset += part.sizeBytes;
      return at;
    });
  }

  /** @returns how many bytes were read; fewer than asked for only at the end of the file */
  read(at: number, into: Uint8Array): number {
    let done = 0;
    for (let part = this.#partAt(at); done < into.byteLength && part < this.#parts.length; part++) {
      const bytes = this.#bytesOf(part);
      const from = at + done - (this.#offsets[part] ?? 0);
      const piece = bytes.subarray(from, from + into.byteLength - done);
      into.set(piece, done);
      done += piece.byteLength;
    }
    return done;
  }

  /** The last part that begins at this place or before. */
  #partAt(at: number): number {
    let [low, high] = [0, this.#parts.length];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#offsets[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    return low;
  }

  #bytesOf(index: number): Uint8Array {
    if (this.#held?.part === index) return this.#held.bytes;
    const part = this.#parts[index];
    if (part === undefined) return new Uint8Array();
    const bytes = part.cid === null ? part.bytes : this.#readLeaf(part.cid);
    this.#held = { part: index, bytes };
    return bytes;
  }
}

export class OutputFile {
  readonly kind = "file";
  readonly isReadOnly = false;
  readonly #quota: Quota;
  /** All but the last are whole. */
  readonly #parts: Uint8Array[] = [];
  #sizeBytes = 0;
  /** Descriptors that have it open; one that is unlinked lives until the last is closed. */
  #opens = 0;
  #isLinked = true;

  constructor(quota: Quota) {
    this.#quota = quota;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** From one offset to another within the file, in order; not copied. */
  *parts(from = 0, to = this.#sizeBytes): Generator<Uint8Array> {
    for (let at = from; at < to; ) {
      const index = Math.floor(at / PART_BYTES);
      const start = at - index * PART_BYTES;
      const part = this.#parts[index]?.subarray(start, start + to - at);
      assert(part !== undefined && part.byteLength > 0, "a file has all of its parts");
      yield part;
      at += part.byteLength;
    }
  }

  read(at: number, into: Uint8Array): number {
    let done = 0;
    for (const part of this.parts(at, Math.min(this.#sizeBytes, at + into.byteLength))) {
      into.set(part, done);
      done += part.byteLength;
    }
    return done;
  }

  write(at: number, from: Uint8Array): number {
    if (from.byteLength === 0) return 0;
    if (at + from.byteLength > this.#sizeBytes) this.resize(at + from.byteLength);
    let done = 0;
    for (const part of this.parts(at, at + from.byteLength)) {
      part.set(from.subarray(done, done + part.byteLength));
      done += part.byteLength;
    }
    return done;
  }

  resize(sizeBytes: number): void {
    this.#quota.takeBytes(sizeBytes - this.#sizeBytes);
    for (const part of this.parts(sizeBytes)) part.fill(0); // should it become longer again
    this.#reserve(sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  #reserve(sizeBytes: number): void {
    const count = Math.ceil(sizeBytes / PART_BYTES);
    this.#parts.length = Math.min(this.#parts.length, count);
    for (let i = Math.max(0, this.#parts.length - 1); i < count; i++) {
      const held = this.#parts[i];
      const heldBytes = held?.byteLength ?? 0;
      const neededBytes = Math.min(PART_BYTES, sizeBytes - i * PART_BYTES);
      if (neededBytes <= heldBytes) continue;
      const larger = new Uint8Array(Math.min(PART_BYTES, Math.max(neededBytes, Math.ceil(1.5 * heldBytes))));
      if (held) larger.set(held);
      this.#parts[i] = larger;
    }
  }

  opened(): void {
    this.#opens += 1;
  }

  closed(): void {
    this.#opens -= 1;
    this.#letGo();
  }

  unlinked(): void {
    this.#isLinked = false;
    this.#letGo();
  }

  #letGo(): void {
    if (this.#isLinked || this.#opens > 0) return;
    this.#quota.takeBytes(-this.#sizeBytes);
    this.#sizeBytes = 0;
    this.#parts.length = 0;
  }
}

/** stdout or stderr; stdin is one that nothing may be written to, and has nothing to read. */
export class TextStream {
  readonly kind = "stream";
  readonly isReadOnly: boolean;
  readonly sizeBytes = 0;
  readonly #bytesMax: number;
  readonly #code: "STDOUT_TOO_LARGE" | "STDERR_TOO_LARGE" | null;
  readonly #pieces: Uint8Array[] = [];
  #written = 0;

  constructor(code: "STDOUT_TOO_LARGE" | "STDERR_TOO_LARGE" | null, bytesMax: number) {
    this.#code = code;
    this.isReadOnly = code === null;
    this.#bytesMax = bytesMax;
  }

  get content(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }

  append(from: Uint8Array): number {
    if (this.#code === null) throw new Errno("badf");
    if (from.byteLength === 0) return 0;
    const left = this.#bytesMax - this.#written;
    if (from.byteLength > left) {
      this.#keep(from.slice(0, left)); // what it said so far is worth reading
      throw new PieceEnded({ code: this.#code, bytesMax: this.#bytesMax });
    }
    this.#keep(from.slice());
    return from.byteLength;
  }

  /** Many short lines are kept as few pieces. */
  #keep(bytes: Uint8Array): void {
    this.#written += bytes.byteLength;
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.byteLength < 4_096)
      this.#pieces[this.#pieces.length - 1] = Buffer.concat([last, bytes]);
    else this.#pieces.push(bytes);
  }
}

/** A single file is found in a folder of its own, under the name that its owner gave it. */
export function inputFolder(tree: StoredTree | null, name: string, readLeaf: ReadLeaf): Folder {
  if (tree?.kind === "folder") return folderOf(tree, readLeaf);
  const folder = new Folder({ isReadOnly: true });
  if (tree !== null) folder.entries.set(name, new InputFile(tree, readLeaf));
  return folder;
}

function folderOf(tree: Extract<StoredTree, { kind: "folder" }>, readLeaf: ReadLeaf): Folder {
  const folder = new Folder({ isReadOnly: true });
  for (const [name, entry] of tree.entries) {
    folder.entries.set(
      name,
      entry.kind === "folder" ? folderOf(entry, readLeaf) : new InputFile(entry, readLeaf),
    );
  }
  return folder;
}
