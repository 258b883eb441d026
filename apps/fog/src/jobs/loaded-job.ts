/** What a running job is made of, read back from its row and blocks. */
import type { EvaluationProgram, ProgramSignature } from "@pingo/autograd";
import {
  type Cid,
  type DatasetManifest,
  decodeCanonical,
  type Job,
  LIMITS,
  parseShape,
  type SignedJob,
  type TrainJob,
  zSignedJob,
} from "@pingo/core";
import { type BlockReader, readFile, readManifest } from "@pingo/storage";
import { type StoredProgram, zStoredProgram } from "@pingo/training";
import type { JobRow } from "../database/schema.ts";

export interface LoadedJob {
  readonly job: TrainJob;
  readonly manifest: DatasetManifest;
  readonly program: Cid;
  readonly graph: Cid;
  readonly signature: ProgramSignature;
}

export function jobOf(row: Pick<JobRow, "envelope">): Job {
  const signed: SignedJob = parseShape(zSignedJob, decodeCanonical(row.envelope), "a stored job");
  return signed.body.job;
}

export async function loadTraining(blocks: BlockReader, row: JobRow, job: TrainJob): Promise<LoadedJob> {
  const { graph, signature } = await readProgram(blocks, row.program);
  const manifest = await readManifest(blocks, job.data.train);
  return { job, manifest, program: row.program, graph, signature };
}

/** Only when an evaluation is due: the graph may be large. */
export async function loadEvaluation(blocks: BlockReader, cid: Cid): Promise<EvaluationProgram> {
  const { graph, signature } = await readProgram(blocks, cid);
  return { graph: await readFile(blocks, graph, { sizeBytesMax: LIMITS.modelBytesMax }), signature };
}

async function readProgram(blocks: BlockReader, cid: Cid): Promise<StoredProgram> {
  return parseShape(zStoredProgram, decodeCanonical(await blocks.get(cid)), "a stored program");
}
