/**
 * A dataset as the network stores it: rows cut into shards, each shard a safetensors file of its own.
 *
 * Every shard holds the same tensors under the same names; axis 0 is the row.
 */
import { z } from "zod";
import type { Cid } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { zCid } from "./schema.ts";

/** Element types a dataset may have; names as ONNX writes them. */
export type DatasetDType = "float32" | "int64" | "int32" | "uint8" | "bool";

export interface DatasetField {
  readonly name: string;
  readonly dtype: DatasetDType;
  /** Shape of one row; a scalar label has []. */
  readonly rowShape: readonly number[];
}

export interface Shard {
  /** UnixFS file or raw block: a safetensors file with `rows` rows. */
  readonly cid: Cid;
  readonly rows: number;
  readonly sizeBytes: number;
}

export interface DatasetManifest {
  readonly kind: "pingo/dataset/v1";
  readonly rows: number;
  readonly fields: readonly DatasetField[];
  readonly shards: readonly Shard[];
}

export const zShard: z.ZodType<Shard> = z.strictObject({
  cid: zCid,
  rows: z.int().min(1).max(LIMITS.datasetRowsMax),
  sizeBytes: z.int().min(1).max(LIMITS.datasetBytesMax),
});

export const zDatasetField: z.ZodType<DatasetField> = z.strictObject({
  name: z.string().min(1).max(256),
  dtype: z.enum(["float32", "int64", "int32", "uint8", "bool"]),
  rowShape: z.array(z.int().min(1)).max(LIMITS.tensorRankMax - 1),
});

export const zDatasetManifest: z.ZodType<DatasetManifest> = z.strictObject({
  kind: z.literal("pingo/dataset/v1"),
  rows: z.int().min(1).max(LIMITS.datasetRowsMax),
  fields: z.array(zDatasetField).min(1).max(64),
  shards: z.array(zShard).min(1).max(LIMITS.datasetShardsMax),
});
