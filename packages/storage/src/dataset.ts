/** Datasets: rows cut into shards that travel and train alone, named by one manifest. */
import type { DType, Tensor } from "@pingo/autograd";
import {
  assert,
  assertDefined,
  type Cid,
  createPrng,
  type DatasetDType,
  type DatasetField,
  type DatasetManifest,
  decodeCanonical,
  encodeCanonical,
  isFault,
  LIMITS,
  parseShape,
  permutation,
  type Shard,
  zDatasetField,
  zDatasetManifest,
} from "@pingo/core";
import type { BlockReader, BlockWriter } from "./blocks.ts";
import { forEachParallel } from "./parallel.ts";
import { encodeSafetensors, placeSafetensors } from "./safetensors.ts";
import { StorageError } from "./storage-error.ts";
import { BYTES_BY_DTYPE, bytesOfTensor, elementsOf, tensorOfBytes } from "./tensor-bytes.ts";
import { readFileParts } from "./unixfs/read-file.ts";
import { writeFile } from "./unixfs/write-file.ts";

/** A manifest lists its shards in one canonical value of at most 65 536 items, 7 of them per shard. */
export const SHARDS_MAX = 8_192;
/** Of rows that are read into memory at once. */
const READ_BYTES_MAX = 8 * 2 ** 30;
/** Tensors that a manifest may list. */
const FIELDS_MAX = 64;
const SHARDS_AT_ONCE = 2;

export interface PackOptions {
  readonly blocks: BlockWriter;
  /** Of one shard's file, header and all; 1 MiB, or more where that would make too many shards. */
  readonly shardBytes?: number;
  /** Rows are stored in an order drawn from it; unless given, in the order they have. */
  readonly shuffleSeed?: number;
  readonly signal?: AbortSignal;
}

export interface PackedDataset {
  readonly cid: Cid;
  readonly manifest: DatasetManifest;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
}

/**
 * Cuts the tensors' rows (axis 0) into shards; besides them, one shard at a time is in memory.
 *
 * @throws {StorageError} DATASET_EMPTY, ROWS_DIFFER, DATASET_DTYPE_REFUSED, DATASET_SCALAR, DATASET_TOO_LARGE
 * @throws {ShapeError} SHAPE_INVALID for a tensor whose name or rank no manifest may have
 */
export async function packDataset(
  tensors: ReadonlyMap<string, Tensor>,
  options: PackOptions,
): Promise<PackedDataset> {
  const { blocks, shuffleSeed, signal } = options;
  const rows = checkRows(tensors);
  const fields = [...tensors].map(([name, tensor]) => fieldOf(name, tensor));
  const rowsPerShard = rowsPerShardOf(fields, rows, options.shardBytes);
  const order = shuffleSeed === undefined ? undefined : permutation(rows, createPrng(shuffleSeed));
  const shards: Shard[] = [];
  for (let from = 0; from < rows; from += rowsPerShard) {
    const count = Math.min(rowsPerShard, rows - from);
    const picked = new Map<string, Tensor>();
    for (const [name, tensor] of tensors) picked.set(name, pickRows(tensor, from, count, order));
    const file = encodeSafetensors(picked);
    const cid = await writeFile(blocks, file, signal ? { signal } : {});
    shards.push({ cid, rows: count, sizeBytes: file.byteLength });
  }
  const manifest: DatasetManifest = { kind: "pingo/dataset/v1", rows, fields, shards };
  const bytes = encodeCanonical(manifest);
  assert(bytes.byteLength <= LIMITS.valueBytesMax, "a manifest within the limits of shards is a value");
  return { cid: await blocks.put(bytes, "dagCbor", signal ? { signal } : {}), manifest };
}

/** @throws {StorageError} MANIFEST_MALFORMED */
export async function readManifest(
  blocks: BlockReader,
  cid: Cid,
  options: ReadOptions = {},
): Promise<DatasetManifest> {
  const bytes = await blocks.get(cid, options);
  let manifest: DatasetManifest;
  try {
    manifest = parseShape(zDatasetManifest, decodeCanonical(bytes), "the manifest");
  } catch (cause) {
    if (!isFault(cause)) throw cause;
    throw new StorageError({ code: "MANIFEST_MALFORMED", cid, why: cause.message }, { cause });
  }
  const rows = manifest.shards.reduce((sum, shard) => sum + shard.rows, 0);
  if (rows !== manifest.rows) {
    const why = `its shards have ${rows} rows and not ${manifest.rows}`;
    throw new StorageError({ code: "MANIFEST_MALFORMED", cid, why });
  }
  if (new Set(manifest.fields.map((field) => field.name)).size < manifest.fields.length) {
    throw new StorageError({ code: "MANIFEST_MALFORMED", cid, why: "two tensors have one name" });
  }
  return manifest;
}

/**
 * The rows of some shards (all unless given), one after another, by name of tensor.
 *
 * @throws {StorageError} SHARD_MISMATCH when a shard is not what the manifest says; DATASET_TOO_LARGE
 */
export async function readShards(
  blocks: BlockReader,
  manifest: DatasetManifest,
  shards: readonly Shard[] = manifest.shards,
  options: ReadOptions = {},
): Promise<ReadonlyMap<string, Tensor>> {
  const rows = shards.reduce((sum, shard) => sum + shard.rows, 0);
  if (rows === 0) throw new StorageError({ code: "DATASET_EMPTY" });
  checkMemory(manifest.fields, rows);
  const bytesByName = new Map(
    manifest.fields.map((field) => [field.name, new Uint8Array(rows * rowBytesOf(field))] as const),
  );
  const firstRows = startsOf(shards);
  await forEachParallel(shards, SHARDS_AT_ONCE, async (shard, i) => {
    const from = firstRows[i] ?? 0;
    const targets = new Map<string, Uint8Array>();
    for (const field of manifest.fields) {
      const rowBytes = rowBytesOf(field);
      const bytes = assertDefined(bytesByName.get(field.name), "made above");
      targets.set(field.name, bytes.subarray(from * rowBytes, (from + shard.rows) * rowBytes));
    }
    await readShard(blocks, manifest, shard, { ...options, targets });
  });
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, rowShape } of manifest.fields) {
    const bytes = assertDefined(bytesByName.get(name), "made above");
    tensors.set(name, tensorOfBytes(dtype, [rows, ...rowShape], bytes));
  }
  return tensors;
}

/** Into the rows' place: a copy in between would make as much garbage again, which V8 is slow to see. */
async function readShard(
  blocks: BlockReader,
  manifest: DatasetManifest,
  shard: Shard,
  { targets, ...options }: ReadOptions & { readonly targets: ReadonlyMap<string, Uint8Array> },
): Promise<void> {
  const mismatch = (why: string): StorageError =>
    new StorageError({ code: "SHARD_MISMATCH", cid: shard.cid, why });
  const { sizeBytes } = shard;
  const checkSize = (found: number): void => {
    if (found !== sizeBytes) throw mismatch(`it has ${found} bytes`);
  };
  const pieces = readFileParts(blocks, shard.cid, { sizeBytesMax: sizeBytes, ...options }, checkSize);
  await placeSafetensors(pieces, sizeBytes, (placeByName) => {
    if (placeByName.size !== manifest.fields.length) throw mismatch(`it has ${placeByName.size} tensors`);
    for (const { name, dtype, rowShape } of manifest.fields) {
      const found = placeByName.get(name);
      if (found === undefined) throw mismatch(`tensor "${name}" is missing`);
      const expected = [shard.rows, ...rowShape];
      if (found.dtype !== dtype || found.shape.join() !== expected.join()) {
        throw mismatch(`tensor "${name}" is ${found.dtype}[${found.shape}] and not ${dtype}[${expected}]`);
      }
    }
    return targets;
  });
}

const DATASET_DTYPES: { readonly [D in DType]: DatasetDType | undefined } = {
  float32: "float32",
  int64: "int64",
  int32: "int32",
  uint8: "uint8",
  bool: "bool",
  float64: undefined,
  int8: undefined,
};

function fieldOf(name: string, tensor: Tensor): DatasetField {
  const dtype = DATASET_DTYPES[tensor.dtype];
  if (dtype === undefined)
    throw new StorageError({ code: "DATASET_DTYPE_REFUSED", tensor: name, dtype: tensor.dtype });
  return parseShape(zDatasetField, { name, dtype, rowShape: tensor.shape.slice(1) }, `tensor "${name}"`);
}

/** How many rows every tensor has. */
function checkRows(tensors: ReadonlyMap<string, Tensor>): number {
  for (const [tensor, { shape }] of tensors) {
    if (shape.length === 0) throw new StorageError({ code: "DATASET_SCALAR", tensor });
  }
  const [first, ...others] = [...tensors].map(([name, { shape }]) => ({ name, rows: shape[0] ?? 0 }));
  if (first === undefined) throw new StorageError({ code: "DATASET_EMPTY" });
  for (const other of others) {
    if (other.rows === first.rows) continue;
    throw new StorageError({
      code: "ROWS_DIFFER",
      first: first.name,
      firstRows: first.rows,
      other: other.name,
      otherRows: other.rows,
    });
  }
  if ([...tensors.values()].some(({ shape }) => elementsOf(shape) === 0)) {
    throw new StorageError({ code: "DATASET_EMPTY" });
  }
  if (first.rows > LIMITS.datasetRowsMax) {
    throw new StorageError({
      code: "DATASET_TOO_LARGE",
      what: "the number of rows",
      max: LIMITS.datasetRowsMax,
    });
  }
  if (tensors.size > FIELDS_MAX) {
    throw new StorageError({ code: "DATASET_TOO_LARGE", what: "the number of tensors", max: FIELDS_MAX });
  }
  return first.rows;
}

function rowsPerShardOf(
  fields: readonly DatasetField[],
  rows: number,
  shardBytes = LIMITS.chunkBytesMax,
): number {
  const headerBytes = encodeSafetensors(
    new Map(fields.map(({ name, dtype, rowShape }) => [name, emptyTensor(dtype, rowShape)])),
  ).byteLength;
  // The header grows with the digits of sizes: shape and two offsets, 20 more for each of them at most.
  const roomBytes = shardBytes - headerBytes - fields.length * 60;
  const rowBytes = fields.reduce((sum, field) => sum + rowBytesOf(field), 0);
  const fitting = Math.max(1, Math.floor(roomBytes / rowBytes));
  return Math.max(fitting, Math.ceil(rows / SHARDS_MAX));
}

function emptyTensor(dtype: DatasetDType, rowShape: readonly number[]): Tensor {
  return tensorOfBytes(dtype, [0, ...rowShape], new Uint8Array());
}

/** Copies rows from … from + count of the order (their own unless given). */
function pickRows(tensor: Tensor, from: number, count: number, order: Uint32Array | undefined): Tensor {
  const [rows = 0, ...rowShape] = tensor.shape;
  const bytes = bytesOfTensor(tensor);
  const rowBytes = bytes.byteLength / rows;
  const picked = new Uint8Array(count * rowBytes);
  if (order === undefined) picked.set(bytes.subarray(from * rowBytes, (from + count) * rowBytes));
  else {
    for (let i = 0; i < count; i++) {
      const row = order[from + i] ?? 0;
      picked.set(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), i * rowBytes);
    }
  }
  return tensorOfBytes(tensor.dtype, [count, ...rowShape], picked);
}

function checkMemory(fields: readonly DatasetField[], rows: number): void {
  for (const field of fields) {
    if (rows * elementsOf(field.rowShape) <= LIMITS.tensorElementsMax) continue;
    const what = `tensor "${field.name}" of ${rows} rows`;
    throw new StorageError({ code: "DATASET_TOO_LARGE", what, max: LIMITS.tensorElementsMax });
  }
  const bytes = fields.reduce((sum, field) => sum + rows * rowBytesOf(field), 0);
  if (bytes > READ_BYTES_MAX) {
    throw new StorageError({
      code: "DATASET_TOO_LARGE",
      what: `reading ${bytes} bytes`,
      max: READ_BYTES_MAX,
    });
  }
}

function rowBytesOf({ dtype, rowShape }: DatasetField): number {
  return elementsOf(rowShape) * BYTES_BY_DTYPE[dtype];
}

function startsOf(shards: readonly Shard[]): readonly number[] {
  let next = 0;
  return shards.map(({ rows }) => {
    const start = next;
    next += rows;
    return start;
  });
}
