/** Turns a prepared job into blocks and the spec that names them. */
import type { Tensor } from "@pingo/autograd";
import type { Cid, TrainJob } from "@pingo/core";
import { type BlockWriter, packDataset, writeFile } from "@pingo/storage";
import type { SubmittedParts } from "./prepare-job.ts";
import { trainJobOf } from "./train-job.ts";

const KiB = 1024;
/** Small shards spread evenly over the workers; large ones cost fewer requests. */
const SHARD_BYTES_MIN = 128 * KiB;
const SHARD_BYTES_MAX = 8 * 1024 * KiB;
const SHARDS_PER_WORKER = 4;

export async function packJob(prepared: SubmittedParts, blocks: BlockWriter): Promise<TrainJob> {
  const { file, train, test } = prepared;
  const pack = async (tensors: ReadonlyMap<string, Tensor>): Promise<Cid> => {
    const bytes = [...tensors.values()].reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
    const evenly = Math.ceil(bytes / (file.workers.max * SHARDS_PER_WORKER));
    const shardBytes = Math.min(SHARD_BYTES_MAX, Math.max(SHARD_BYTES_MIN, evenly));
    return (await packDataset(tensors, { blocks, shardBytes, shuffleSeed: file.seed })).cid;
  };
  return trainJobOf(file, {
    model: await writeFile(blocks, prepared.model.bytes),
    train: await pack(train.tensors),
    test: test ? await pack(test.tensors) : null,
  });
}
