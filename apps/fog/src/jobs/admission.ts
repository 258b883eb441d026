/** A submission becomes a job: signed, within limits, everything there, trainable; then it is durable. */
import {
  BILL_RECEIPTS_MAX,
  type Cid,
  cidOfBytes,
  cidOfValue,
  decodeCanonical,
  encodeCanonical,
  groupLeftOut,
  JOB_DOMAIN,
  type Job,
  type JobEvent,
  type JobId,
  LIMITS,
  NANO_PER_PINGO,
  type NodeId,
  openSigned,
  type Ports,
  parseShape,
  REPLICAS,
  type RunJob,
  type SignedJob,
  type TrainJob,
  zSignedJob,
} from "@pingo/core";
import { type Blocks, writeFile } from "@pingo/storage";
import { encodeVector, type StoredProgram } from "@pingo/training";
import { postEscrow } from "../books/journal.ts";
import { appendEvent } from "../database/event-store.ts";
import { countPlaces, countUnfinishedJobs, findJob, insertJob } from "../database/job-store.ts";
import { insertRound } from "../database/round-store.ts";
import type { JobRow, Sql } from "../database/schema.ts";
import { FogError } from "../fault.ts";
import type { Modeller } from "./modeller.ts";

/** Jobs that wait or run: each costs memory and a place in every plan. */
export const UNFINISHED_JOBS_MAX = 256;
/** Jobs that nobody has paid for yet, where jobs are paid on chain: places of their own, so that they take none of those that are paid. */
export const UNFUNDED_JOBS_MAX = 256;
/** Of one owner. */
export const UNFUNDED_JOBS_OF_OWNER_MAX = 4;
const NONCE_BYTES_MAX = 64;
/** The supply. */
const BUDGET_NANO_MAX = 1_000_000_000n * NANO_PER_PINGO;

export interface AdmissionOptions extends Pick<Ports, "clock"> {
  readonly sql: Sql;
  readonly blocks: Blocks;
  readonly modeller: Modeller;
  /** Whether an owner may owe what a job costs. */
  readonly hasCredit: (owner: NodeId) => boolean;
  /** Whether a job's budget comes from the chain, after it is admitted. */
  readonly awaitsFunds: boolean;
}

export interface Submission {
  readonly id: JobId;
  readonly signed: SignedJob;
}

/** @throws {FaultError} when the bytes are not a job that its owner signed */
export function parseSubmission(bytes: Uint8Array): Submission {
  const signed = parseShape(zSignedJob, decodeCanonical(bytes), "the job");
  const { nonce, job } = openSigned(JOB_DOMAIN, signed);
  if (nonce.byteLength < 1 || nonce.byteLength > NONCE_BYTES_MAX) {
    throw new FogError({ code: "NONCE_REFUSED", bytes: nonce.byteLength });
  }
  const budgetNano = BigInt(job.budgetNano);
  if (budgetNano > BUDGET_NANO_MAX)
    throw new FogError({ code: "BUDGET_TOO_LARGE", budgetNano, maxNano: BUDGET_NANO_MAX });
  return { id: cidOfValue(signed), signed };
}

/** @returns the row, and whether it is new */
export async function admit(
  { id, signed }: Submission,
  options: AdmissionOptions,
): Promise<{ readonly row: JobRow; readonly isNew: boolean }> {
  const { sql, clock, hasCredit, awaitsFunds } = options;
  const before = await findJob(sql, id);
  if (before) return { row: before, isNew: false };
  if (awaitsFunds) checkBillable(signed.body.job);
  await (awaitsFunds ? checkUnfundedPlaces(sql, signed.signer) : checkPlaces(await countUnfinishedJobs(sql)));
  const { job } = signed.body;
  const admitted = job.kind === "Run" ? await admitPieces(job, options) : await admitTraining(job, options);
  const createdUnixMs = clock.nowUnixMs();
  const { program, evaluationProgram, weights, rounds, accepted } = admitted;
  const owner = signed.signer;
  const budgetNano = BigInt(job.budgetNano);
  await sql.transaction(async (tx) => {
    const isNew = await insertJob(tx, {
      id,
      owner,
      kind: job.kind,
      name: job.name,
      envelope: encodeCanonical(signed),
      state: "queued",
      program,
      evaluationProgram,
      rounds,
      createdUnixMs,
      budgetNano,
    });
    if (!isNew) return;
    await postEscrow(tx, {
      job: id,
      owner,
      budgetNano,
      atUnixMs: createdUnixMs,
      hasCredit: hasCredit(owner),
    });
    await insertRound(tx, {
      job: id,
      version: 0,
      weights,
      units: 0,
      steps: 0,
      rows: 0,
      committedUnixMs: createdUnixMs,
    });
    await appendEvent(tx, id, createdUnixMs, {
      type: "accepted",
      name: job.name,
      rounds,
      ...accepted,
    });
  });
  const row = await findJob(sql, id);
  if (!row) throw new FogError({ code: "JOB_UNKNOWN", job: id });
  return { row, isNew: true };
}

/** Before its user pays: a list of receipts that nobody could read is a bill that nobody accepts. @throws {FogError} BILL_TOO_LONG */
export function checkBillable(job: Job): void {
  if (BigInt(job.budgetNano) === 0n) return;
  const receipts =
    job.kind === "Run" ? job.pieces * REPLICAS[job.verify] : job.schedule.rounds * job.workers.max;
  if (receipts > BILL_RECEIPTS_MAX)
    throw new FogError({ code: "BILL_TOO_LONG", receipts, max: BILL_RECEIPTS_MAX });
}

function checkPlaces(taken: number): void {
  if (taken >= UNFINISHED_JOBS_MAX) throw new FogError({ code: "JOBS_TOO_MANY", max: UNFINISHED_JOBS_MAX });
}

/** Where jobs are paid on chain. @throws {FogError} JOBS_TOO_MANY, UNFUNDED_JOBS_TOO_MANY */
export async function checkUnfundedPlaces(sql: Sql, owner: NodeId): Promise<void> {
  const { funded, unfunded, unfundedOfOwner } = await countPlaces(sql, owner);
  checkPlaces(funded);
  if (unfundedOfOwner >= UNFUNDED_JOBS_OF_OWNER_MAX)
    throw new FogError({ code: "UNFUNDED_JOBS_TOO_MANY", max: UNFUNDED_JOBS_OF_OWNER_MAX });
  if (unfunded >= UNFUNDED_JOBS_MAX) throw new FogError({ code: "JOBS_TOO_MANY", max: UNFUNDED_JOBS_MAX });
}

/** What a job starts from, found fit to be worked on. */
interface Admitted {
  readonly program: Cid;
  readonly evaluationProgram: Cid | null;
  /** Of version 0. */
  readonly weights: Cid;
  readonly rounds: number;
  /** What its followers are told beside its name. */
  readonly accepted: Pick<Extract<JobEvent, { type: "accepted" }>, "memory" | "leftOut" | "pieces">;
}

async function admitTraining(
  job: TrainJob,
  { blocks, modeller }: Pick<AdmissionOptions, "blocks" | "modeller">,
): Promise<Admitted> {
  // Before any thread is started: the common mistake is to submit before the upload.
  await checkRoots(blocks, [
    ["the model", job.model],
    ["the training data", job.data.train],
    ["the test data", job.data.test],
  ]);
  const { train, evaluation } = await modeller.build(job);
  const leftOut = groupLeftOut(train.leftOut);
  return {
    program: await putProgram(blocks, train),
    evaluationProgram: evaluation && (await putProgram(blocks, evaluation)),
    weights: await writeFile(blocks, encodeVector(train.initialWeights)),
    rounds: job.schedule.rounds,
    accepted: {
      memory: { plannedBytes: train.memory.totalBytes, ...train.layout },
      ...(leftOut.length > 0 && { leftOut }),
    },
  };
}

async function admitPieces(
  job: RunJob,
  { blocks, modeller }: Pick<AdmissionOptions, "blocks" | "modeller">,
): Promise<Admitted> {
  await checkRoots(blocks, [
    ["the module", job.module],
    ...job.inputs.map(({ cid, name }) => [`the input ${name}`, cid] as const),
  ]);
  await modeller.checkPieces(job);
  const { module: program, pieces } = job;
  return { program, evaluationProgram: null, weights: program, rounds: 1, accepted: { pieces } };
}

async function checkRoots(
  blocks: Blocks,
  roots: readonly (readonly [what: string, cid: Cid | null])[],
): Promise<void> {
  for (const [what, cid] of roots) {
    if (cid !== null && !(await blocks.has(cid))) throw new FogError({ code: "BLOCK_MISSING", what, cid });
  }
}

async function putProgram(
  blocks: Blocks,
  { graph, signature }: { readonly graph: Uint8Array; readonly signature: StoredProgram["signature"] },
): Promise<Cid> {
  const stored: StoredProgram = {
    kind: "pingo/program/v1",
    graph: await writeFile(blocks, graph),
    signature,
  };
  const bytes = encodeCanonical(stored);
  if (bytes.byteLength > LIMITS.blockBytesMax) {
    const why = `its description takes ${bytes.byteLength} bytes (${cidOfBytes(bytes)}); give the model fewer parameters`;
    throw new FogError({ code: "BUILD_FAILED", why });
  }
  return blocks.put(bytes, "dagCbor");
}
