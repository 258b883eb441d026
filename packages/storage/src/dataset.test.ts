import type { Tensor } from "@pingo/autograd";
import { type Cid, codecOfCid, encodeCanonical, LIMITS } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { packDataset, readManifest, readShards, SHARDS_MAX } from "./dataset.ts";
import { encodeSafetensors } from "./safetensors.ts";
import { bytesOfTensor } from "./tensor-bytes.ts";
import { arbTensor } from "./testing/arbitrary-tensors.ts";
import { createMemoryBlocks, type MemoryBlocks } from "./testing/memory-blocks.ts";
import { copyDag } from "./unixfs/dag.ts";

type Tensors = ReadonlyMap<string, Tensor>;

function digits(rows: number): Tensors {
  return new Map<string, Tensor>([
    [
      "image",
      { dtype: "float32", shape: [rows, 28, 28], data: new Float32Array(rows * 784).map((_, i) => i % 97) },
    ],
    ["label", { dtype: "int64", shape: [rows], data: new BigInt64Array(rows).map((_, i) => BigInt(i)) }],
  ]);
}

/** Each row as text: its bytes in all tensors. */
function rowsOf(tensors: Tensors): string[] {
  const ordered = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = ordered[0]?.[1].shape[0] ?? 0;
  return Array.from({ length: rows }, (_, row) =>
    ordered
      .map(([, tensor]) => {
        const bytes = bytesOfTensor(tensor);
        const rowBytes = bytes.byteLength / rows;
        return Buffer.from(bytes.subarray(row * rowBytes, (row + 1) * rowBytes)).toString("hex");
      })
      .join("|"),
  );
}

async function open(tensors: Tensors = digits(10)): Promise<{ blocks: MemoryBlocks; cid: Cid }> {
  const blocks = createMemoryBlocks();
  return { blocks, cid: (await packDataset(tensors, { blocks, shardBytes: 8_000 })).cid };
}

const arbDataset = fc.integer({ min: 1, max: 40 }).chain((rows) =>
  fc.record({
    x: arbTensor("float32", [rows, 3]),
    y: arbTensor("uint8", [rows]),
    mask: arbTensor("bool", [rows, 2, 2]),
  }),
);

test("packed and read again, the rows are the same, in order, or the same rows shuffled", async () => {
  await fc.assert(
    fc.asyncProperty(
      arbDataset,
      fc.integer({ min: 1, max: 1200 }),
      fc.option(fc.nat(), { nil: undefined }),
      async (record, shardBytes, seed) => {
        const tensors = new Map(Object.entries(record));
        const blocks = createMemoryBlocks();
        const shuffle = seed === undefined ? {} : { shuffleSeed: seed };
        const { cid, manifest } = await packDataset(tensors, { blocks, shardBytes, ...shuffle });
        expect(await readManifest(blocks, cid)).toEqual(manifest);
        const rows = rowsOf(await readShards(blocks, manifest));
        if (seed === undefined) expect(rows).toEqual(rowsOf(tensors));
        else expect(rows.sort()).toEqual(rowsOf(tensors).sort());
      },
    ),
    { numRuns: 60 },
  );
});

test("shards are single raw blocks of about 1 MiB, never more", async () => {
  const blocks = createMemoryBlocks();
  const { manifest } = await packDataset(digits(1000), { blocks });
  expect(manifest.shards).toHaveLength(4);
  for (const [i, shard] of manifest.shards.entries()) {
    expect(codecOfCid(shard.cid)).toBe("raw");
    expect(shard.sizeBytes).toBeLessThanOrEqual(LIMITS.chunkBytesMax);
    if (i < 3) expect(shard.sizeBytes).toBeGreaterThan(LIMITS.chunkBytesMax - 5_000);
  }
});

test("one seed gives one dataset, another seed another", async () => {
  const pack = async (shuffleSeed: number): Promise<Cid> =>
    (await packDataset(digits(50), { blocks: createMemoryBlocks(), shardBytes: 8_000, shuffleSeed })).cid;
  expect(await pack(1)).toBe(await pack(1));
  expect(await pack(1)).not.toBe(await pack(2));
});

test("some shards give their rows, in the order asked for", async () => {
  const { blocks, cid } = await open();
  const manifest = await readManifest(blocks, cid);
  expect(manifest.shards.map((shard) => shard.rows)).toEqual([2, 2, 2, 2, 2]);
  const picked = manifest.shards.filter((_, i) => i === 3 || i === 1).reverse();
  const tensors = await readShards(blocks, manifest, picked);
  expect(tensors.get("label")?.data).toEqual(BigInt64Array.of(6n, 7n, 2n, 3n));
  expect(tensors.get("image")?.shape).toEqual([4, 28, 28]);
});

test("a row larger than a chunk is a shard of several blocks", async () => {
  const wide: Tensor = { dtype: "uint8", shape: [2, 1_500_000], data: new Uint8Array(3_000_000).fill(3) };
  const blocks = createMemoryBlocks();
  const { manifest } = await packDataset(new Map([["x", wide]]), { blocks });
  expect(manifest.shards).toHaveLength(2);
  expect(rowsOf(await readShards(blocks, manifest)).join() === rowsOf(new Map([["x", wide]])).join()).toBe(
    true,
  );
});

test("there are never more shards than a manifest can list", async () => {
  const rows = SHARDS_MAX + 1;
  const blocks = createMemoryBlocks();
  const tensors = new Map([["x", { dtype: "uint8", shape: [rows], data: new Uint8Array(rows) } as const]]);
  const { cid, manifest } = await packDataset(tensors, { blocks, shardBytes: 1 });
  expect(manifest.shards).toHaveLength(Math.ceil(rows / 2));
  expect((await readManifest(blocks, cid)).rows).toBe(rows);
});

test("copyDag carries a dataset with all its shards", async () => {
  const { blocks, cid } = await open();
  const to = createMemoryBlocks();
  await copyDag(cid, blocks, to);
  const tensors = await readShards(to, await readManifest(to, cid));
  expect(rowsOf(tensors)).toEqual(rowsOf(digits(10)));
});

const floats = (shape: readonly number[]): Tensor => ({
  dtype: "float32",
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});

test.each<[string, [string, Tensor][], object]>([
  ["DATASET_EMPTY", [], {}],
  ["DATASET_EMPTY", [["x", floats([0, 3])]], {}],
  ["DATASET_EMPTY", [["x", floats([3, 0])]], {}],
  ["DATASET_SCALAR", [["x", floats([])]], { tensor: "x" }],
  [
    "ROWS_DIFFER",
    [
      ["x", floats([3, 2])],
      ["y", floats([4])],
    ],
    { first: "x", firstRows: 3, other: "y", otherRows: 4 },
  ],
  [
    "DATASET_DTYPE_REFUSED",
    [["x", { dtype: "float64", shape: [1], data: new Float64Array(1) }]],
    { tensor: "x", dtype: "float64" },
  ],
  ["DATASET_TOO_LARGE", Array.from({ length: 65 }, (_, i) => [`x${i}`, floats([1])]), { max: 64 }],
  ["SHAPE_INVALID", [["x".repeat(257), floats([1])]], {}],
])("packing is refused with %s and stores nothing", async (code, tensors, facts) => {
  const blocks = createMemoryBlocks();
  await expect(packDataset(new Map(tensors), { blocks })).rejects.toMatchObject({ code, fault: facts });
  expect(blocks.bytesByCid.size).toBe(0);
});

test("what is not a manifest, or adds up wrongly, is MANIFEST_MALFORMED", async () => {
  const { blocks, cid } = await open();
  const manifest = await readManifest(blocks, cid);
  const [field] = manifest.fields;
  const wrong = [
    { ...manifest, rows: 11 },
    { ...manifest, extra: 1 },
    { ...manifest, fields: [field, field] },
    { ...manifest, shards: [] },
    "hello",
  ];
  for (const value of wrong) {
    const bad = await blocks.put(encodeCanonical(value), "dagCbor");
    await expect(readManifest(blocks, bad)).rejects.toMatchObject({ code: "MANIFEST_MALFORMED" });
  }
  const noise = await blocks.put(Uint8Array.of(0xff), "dagCbor");
  await expect(readManifest(blocks, noise)).rejects.toMatchObject({ code: "MANIFEST_MALFORMED" });
});

test("a shard that is not what the manifest says is SHARD_MISMATCH", async () => {
  const { blocks, cid } = await open();
  const manifest = await readManifest(blocks, cid);
  const swapped = async (tensors: [string, Tensor][], sizeBytes?: number) => {
    const file = encodeSafetensors(new Map(tensors));
    const shard = { cid: await blocks.put(file), rows: 1, sizeBytes: sizeBytes ?? file.byteLength };
    return readShards(blocks, manifest, [shard]);
  };
  const image = floats([1, 28, 28]);
  const label: Tensor = { dtype: "int64", shape: [1], data: new BigInt64Array(1) };
  const sound: [string, Tensor][] = [
    ["image", image],
    ["label", label],
  ];
  expect((await swapped(sound)).size).toBe(2);
  const mismatch = { code: "SHARD_MISMATCH" };
  await expect(swapped([["image", image]])).rejects.toMatchObject(mismatch);
  await expect(
    swapped([
      ["image", image],
      ["other", label],
    ]),
  ).rejects.toMatchObject(mismatch);
  await expect(
    swapped([
      ["image", floats([2, 28, 28])],
      ["label", label],
    ]),
  ).rejects.toMatchObject(mismatch);
  await expect(
    swapped([
      ["image", image],
      ["label", floats([1])],
    ]),
  ).rejects.toMatchObject(mismatch);
  await expect(swapped(sound, 1_000_000)).rejects.toMatchObject(mismatch);
  await expect(swapped(sound, 10)).rejects.toMatchObject({ code: "FILE_TOO_LARGE" });
});

test("reading no shards is DATASET_EMPTY, more than fits is DATASET_TOO_LARGE", async () => {
  const { blocks, cid } = await open();
  const manifest = await readManifest(blocks, cid);
  await expect(readShards(blocks, manifest, [])).rejects.toMatchObject({ code: "DATASET_EMPTY" });
  const huge = manifest.shards.map((shard) => ({ ...shard, rows: LIMITS.datasetRowsMax }));
  await expect(readShards(blocks, manifest, huge)).rejects.toMatchObject({ code: "DATASET_TOO_LARGE" });
});
