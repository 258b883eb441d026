/**
 * Opens what was done for a job, receipt by receipt: each against its signature, its unit and the order that the job's owner signed, and priced by that order.
 *
 * Pure in the blocks that it reads: whoever has them comes to the same works. Nobody is believed, but how many units a round had, within what the order allows.
 */
import {
  type Cid,
  type CountedReceipt,
  decodeCanonical,
  FaultError,
  isBlockOf,
  isFault,
  isRunUnit,
  JOB_DOMAIN,
  type Job,
  type JobId,
  openSigned,
  parseShape,
  RECEIPT_DOMAIN,
  REPLICAS,
  type Receipt,
  type WorkUnit,
  zSignedJob,
  zSignedReceipt,
  zWorkUnit,
} from "@pingo/core";
import { type Pay, payOf } from "./price.ts";

/** A block by its id; what comes is checked against it. */
export type ReadBlock = (cid: Cid) => Promise<Uint8Array>;

export interface Works {
  /** As its owner signed it. */
  readonly order: Job;
  readonly works: readonly Work[];
  /** Of the receipts that were named, those for which nothing is paid. */
  readonly unproven: readonly Unproven[];
}

export interface Work {
  readonly cid: Cid;
  /** As its provider signed it. */
  readonly receipt: Receipt;
  readonly pay: Pay;
}

export interface Unproven {
  readonly receipt: Cid;
  readonly why: string;
}

/** Of blocks, from somewhere else. */
const READS_AT_ONCE = 16;

type WorksFault = { readonly code: "BLOCK_ALTERED"; readonly cid: Cid };

class WorksError extends FaultError<WorksFault> {
  override readonly name = "WorksError";
  constructor(fault: WorksFault) {
    super(fault, { BLOCK_ALTERED: ({ cid }) => `what came is not the block ${cid}; ask another fog node` });
  }
}

/** @throws what reads throw, but for blocks that are not there; where it is the job itself that proves nothing, a fault of `provesNothing` */
export async function openWorks(
  id: JobId,
  receipts: readonly CountedReceipt[],
  read: ReadBlock,
): Promise<Works> {
  const { job: order } = openSigned(
    JOB_DOMAIN,
    parseShape(zSignedJob, await decodedBlock(id, read), "a job"),
  );
  const works: Work[] = [];
  const unproven: Unproven[] = [];
  const counted = new Set<string>();
  const unitsByRound = new Map<number, number>();
  for (let at = 0; at < receipts.length; at += READS_AT_ONCE) {
    const page = receipts.slice(at, at + READS_AT_ONCE);
    const opened = await Promise.all(page.map((named) => tryOpen({ id, order }, named, read)));
    for (const one of opened) {
      if ("why" in one) {
        unproven.push(one);
        continue;
      }
      const why = whyNotCounted(one, counted, unitsByRound);
      if (why === undefined) works.push(one.work);
      else unproven.push({ receipt: one.work.cid, why });
    }
  }
  return { order, works, unproven };
}

/** What is malformed, unsigned or not to be had; other faults, such as of a fog node that does not answer, say nothing. */
export function provesNothing(error: unknown): error is FaultError {
  return isFault(error) && PROVES_NOTHING.has(error.code);
}

const PROVES_NOTHING: ReadonlySet<string> = new Set([
  "SHAPE_INVALID",
  "SIGNATURE_INVALID",
  "KEY_WEAK",
  "VALUE_MALFORMED",
  "VALUE_TOO_LARGE",
  "VALUE_TOO_DEEP",
  "VALUE_TOO_MANY_ITEMS",
  "BLOCK_NOT_FOUND",
  "BLOCK_ALTERED",
  "BLOCK_TOO_LARGE",
  "DAG_MALFORMED",
  "DAG_TOO_DEEP",
  "DAG_TOO_LARGE",
  "FILE_TOO_LARGE",
  "NOT_A_FILE",
]);

interface OpenedReceipt {
  readonly work: Work;
  readonly round: number;
  readonly index: number;
  /** Of its round. */
  readonly units: number;
}

interface Order {
  readonly id: JobId;
  readonly order: Job;
}

async function tryOpen(
  order: Order,
  named: CountedReceipt,
  read: ReadBlock,
): Promise<OpenedReceipt | Unproven> {
  try {
    return await openReceipt(order, named, read);
  } catch (error) {
    if (!provesNothing(error)) throw error;
    return { receipt: named.receipt, why: error.message };
  }
}

async function openReceipt(
  { id, order }: Order,
  { receipt: cid, units }: CountedReceipt,
  read: ReadBlock,
): Promise<OpenedReceipt | Unproven> {
  const signed = parseShape(zSignedReceipt, await decodedBlock(cid, read), "a receipt");
  const receipt = openSigned(RECEIPT_DOMAIN, signed);
  const { provider, steps, unit: unitCid } = receipt;
  const unproven = (why: string): Unproven => ({ receipt: cid, why });
  if (signed.signer !== provider) return unproven("another signed than did the work");
  const unit = parseShape(zWorkUnit, await decodedBlock(unitCid, read), "a unit of work");
  const { round, index } = unit;
  if (unit.job !== id) return unproven(`it is of the job ${unit.job}`);
  const why = whyNotOrdered(order, unit);
  if (why !== undefined) return unproven(why);
  if (steps > unit.steps) return unproven("more steps were done than were planned");
  const rounds = roundsOf(order);
  const { least, most } = unitsOf(order);
  if (units < least || units > most)
    return unproven(
      `its round is said to have ${units} unit${units === 1 ? "" : "s"}, and the order says ${least}${least < most ? ` to ${most}` : ""}`,
    );
  if (round < 1 || round > rounds || index >= units)
    return unproven("there is no such round, or no such unit in it");
  const budgetNano = BigInt(order.budgetNano);
  const pay = payOf({ budgetNano, rounds, units, stepsPlanned: unit.steps, stepsDone: steps });
  return { work: { cid, receipt, pay }, round, index, units };
}

/** A unit is priced by its steps, so fewer of them, or smaller ones, would each be dearer than the order says. */
function whyNotOrdered(order: Job, unit: WorkUnit): string | undefined {
  if (order.kind === "Run") {
    if (!isRunUnit(unit)) return "it is of another kind of work";
    const piece = Math.floor(unit.index / REPLICAS[order.verify]);
    if (unit.module !== order.module || unit.piece !== piece) return "it is no piece of what was ordered";
    return undefined;
  }
  if (isRunUnit(unit)) return "it is of another kind of work";
  const { stepsPerRound, batchSize } = order.schedule;
  if (unit.steps === stepsPerRound && unit.batchSize === batchSize) return undefined;
  return `its unit has ${unit.steps} steps of ${unit.batchSize} rows, and the order says ${stepsPerRound} of ${batchSize}`;
}

function whyNotCounted(
  { round, index, units }: OpenedReceipt,
  counted: Set<string>,
  unitsByRound: Map<number, number>,
): string | undefined {
  if ((unitsByRound.get(round) ?? units) !== units) return "its round has another number of units";
  const place = `${round}/${index}`;
  if (counted.has(place)) return `unit ${index} of round ${round} counts twice`;
  unitsByRound.set(round, units);
  counted.add(place);
  return undefined;
}

function roundsOf(order: Job): number {
  return order.kind === "Run" ? 1 : order.schedule.rounds;
}

function unitsOf(order: Job): { readonly least: number; readonly most: number } {
  if (order.kind === "Train") return { least: order.workers.min, most: order.workers.max };
  const units = order.pieces * REPLICAS[order.verify];
  return { least: units, most: units };
}

async function decodedBlock(cid: Cid, read: ReadBlock): Promise<unknown> {
  const bytes = await read(cid);
  if (!isBlockOf(cid, bytes)) throw new WorksError({ code: "BLOCK_ALTERED", cid });
  return decodeCanonical(bytes);
}
