/**
 * A piece whose module and input are blocks, and whose result becomes blocks: a folder with end.json, stdout, stderr and
 * output. Its CID is the same wherever the piece runs: it is what a receipt is signed for and what two computers compare.
 */
import {
  type Cid,
  isFault,
  LIMITS,
  type PieceEnd,
  parseShape,
  type RunUnit,
  sentenceOfEnd,
  zPieceEnd,
} from "@pingo/core";
import {
  type BlockReader,
  type BlockWriter,
  type MemoryEntry,
  type MemoryTree,
  readFile,
  readTree,
  type StoredTree,
  writeTree,
} from "@pingo/storage";
import { z } from "zod";
import { runPiece } from "./run-piece.ts";
import { Folder, OutputFile, type ReadLeaf, type TreeNode } from "./tree.ts";
import { WasmError } from "./wasm-error.ts";

export interface PieceToRun {
  readonly unit: RunUnit;
  /** Module and input are all in here. */
  readonly blocks: BlockReader;
  /** The raw blocks of the input once more, without waiting. */
  readonly readLeaf: ReadLeaf;
  /** The result's blocks are written here. */
  readonly result: BlockWriter;
}

const END_BYTES_MAX = 4_096;
/** Beside the output: two streams, and room for the blocks that hold names. */
const RESULT_BYTES_MAX = LIMITS.outputBytesMax + 2 * LIMITS.streamBytesMax + END_BYTES_MAX;
const RESULT_ENTRIES_MAX = LIMITS.outputEntriesMax + 5;

/** @throws {WasmError}; {StorageError} where a block is missing or is none of a file or folder */
export async function runStoredPiece(piece: PieceToRun): Promise<Cid> {
  const { unit, blocks, readLeaf, result } = piece;
  const { input } = unit;
  const module = await readFile(blocks, unit.module, { sizeBytesMax: LIMITS.moduleBytesMax });
  const ran = runPiece(
    {
      module,
      arguments: [unit.name, ...unit.arguments],
      environment: { PINGO_PIECE: String(unit.piece), PINGO_PIECES: String(unit.pieces) },
      input: input && { tree: await readInput(blocks, input.cid), name: input.name },
      limits: unit.limits,
      seed: unit.seed,
    },
    readLeaf,
  );
  const { end, stdout, stderr, output } = ran;
  const told = { ...end, sentence: sentenceOfEnd(end) };
  const json = new TextEncoder().encode(`${JSON.stringify(told, null, 2)}\n`);
  const tree: MemoryTree = new Map<string, MemoryEntry>([
    ["end.json", json],
    ["stdout", stdout],
    ["stderr", stderr],
    ["output", treeOf(output)],
  ]);
  return (await writeTree(result, tree)).cid;
}

export function readInput(blocks: BlockReader, cid: Cid): Promise<StoredTree> {
  const { inputBytesMax: sizeBytesMax, inputEntriesMax: entriesMax, inputPartsMax: partsMax } = LIMITS;
  return readTree(blocks, cid, { sizeBytesMax, entriesMax, partsMax });
}

const zTold = z.looseObject({}).transform(({ sentence: _, ...end }) => end);

/**
 * How a piece ended, by its result as somebody else delivered it: its shape is checked, and every block of it is there.
 *
 * @throws {WasmError} RESULT_MALFORMED; {StorageError} BLOCK_NOT_FOUND
 */
export async function readResultEnd(blocks: BlockReader, cid: Cid): Promise<PieceEnd> {
  try {
    const limits = {
      sizeBytesMax: RESULT_BYTES_MAX,
      entriesMax: RESULT_ENTRIES_MAX,
      partsMax: LIMITS.inputPartsMax,
    };
    const tree = await readTree(blocks, cid, limits);
    if (tree.kind !== "folder") throw new WasmError({ code: "RESULT_MALFORMED", why: "it is a file" });
    const kinds = [...tree.entries].map(([name, { kind }]) => `${name}:${kind}`).sort();
    if (kinds.join() !== "end.json:file,output:folder,stderr:file,stdout:file")
      throw new WasmError({ code: "RESULT_MALFORMED", why: `it holds ${kinds.join(", ").slice(0, 200)}` });
    for (const leaf of leavesOf(tree)) {
      const bytes = await blocks.get(leaf.cid);
      if (bytes.byteLength !== leaf.sizeBytes)
        throw new WasmError({ code: "RESULT_MALFORMED", why: "a block has another size than it is said to" });
    }
    const end = tree.entries.get("end.json");
    const told = end?.kind === "file" ? await bytesOf(blocks, end) : new Uint8Array();
    return parseShape(zPieceEnd, parseShape(zTold, parseJson(told), "end.json"), "end.json");
  } catch (cause) {
    if (!isFault(cause) || cause instanceof WasmError || cause.code === "BLOCK_NOT_FOUND") throw cause;
    throw new WasmError({ code: "RESULT_MALFORMED", why: cause.message }, { cause });
  }
}

async function bytesOf(
  blocks: BlockReader,
  { sizeBytes, parts }: Extract<StoredTree, { kind: "file" }>,
): Promise<Uint8Array> {
  if (sizeBytes > END_BYTES_MAX)
    throw new WasmError({ code: "RESULT_MALFORMED", why: `its end.json has ${sizeBytes} bytes` });
  const pieces: Uint8Array[] = [];
  for (const part of parts) pieces.push(part.cid === null ? part.bytes : await blocks.get(part.cid));
  return Buffer.concat(pieces);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new WasmError({ code: "RESULT_MALFORMED", why: "its end.json is no JSON" }, { cause });
  }
}

export function* leavesOf(tree: StoredTree): Generator<{ readonly cid: Cid; readonly sizeBytes: number }> {
  if (tree.kind === "folder") for (const entry of tree.entries.values()) yield* leavesOf(entry);
  else for (const part of tree.parts) if (part.cid !== null) yield part;
}

function treeOf(folder: Folder): MemoryTree {
  return new Map([...folder.entries].map(([name, node]) => [name, contentOf(node)]));
}

function contentOf(node: TreeNode): MemoryEntry {
  if (node instanceof Folder) return treeOf(node);
  // Nothing that was read can be linked into the output, and streams have no name.
  return node instanceof OutputFile ? partsOf(node) : new Uint8Array();
}

async function* partsOf(file: OutputFile): AsyncGenerator<Uint8Array> {
  yield* file.parts();
}

export function sizeOfTree(tree: StoredTree): number {
  if (tree.kind === "file") return tree.sizeBytes;
  return [...tree.entries.values()].reduce((sum, entry) => sum + sizeOfTree(entry), 0);
}
