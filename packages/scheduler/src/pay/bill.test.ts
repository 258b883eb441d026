/** Bills from signed receipts: an honest one follows, whatever was done; each way of lying is seen, and what is owed is told. */
import {
  assertDefined,
  type Cid,
  type CountedReceipt,
  cidOfBytes,
  encodeCanonical,
  JOB_DOMAIN,
  type Job,
  type KeyPair,
  keyPairOfSeed,
  leaseIdOf,
  RECEIPT_DOMAIN,
  type Receipt,
  type RunUnit,
  signValue,
  type TrainUnit,
  type WorkUnit,
} from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Bill, evidenceOfReceipts, type Objection, objectionTo, sentenceOfObjection } from "./bill.ts";
import { openWorks } from "./open-works.ts";
import { payOf } from "./price.ts";

const keyOf = (n: number): KeyPair => keyPairOfSeed(new Uint8Array(32).fill(n));
const OWNER = keyOf(1);
const STRANGER = keyOf(2);
const PROVIDERS = [keyOf(3), keyOf(4), keyOf(5)];
const CID = cidOfBytes(new Uint8Array([1]), "raw");
const LIMITS_OF_PIECE = { memoryBytes: 65_536, outputBytes: 1, secondsPerPiece: 1 };

/** Blocks by id, as a fog node serves them. */
class Store {
  readonly blocks = new Map<Cid, Uint8Array>();

  put(value: unknown): Cid {
    const bytes = encodeCanonical(value);
    const cid = cidOfBytes(bytes, "dagCbor");
    this.blocks.set(cid, bytes);
    return cid;
  }

  readonly read = async (cid: Cid): Promise<Uint8Array> => assertDefined(this.blocks.get(cid), `no ${cid}`);
}

interface Drawn {
  readonly kind: "Train" | "Run";
  readonly budgetNano: bigint;
  readonly steps: number;
  readonly verify: "none" | "always";
  /** Of each round; Run jobs have one. */
  readonly unitsByRound: readonly number[];
  /** Which units were done by whom, and how much of each: none, or a part. */
  readonly done: readonly (readonly [by: number, part: number])[];
}

const arbDrawn: fc.Arbitrary<Drawn> = fc.record({
  kind: fc.constantFrom("Train", "Run"),
  budgetNano: fc.bigInt({ min: 1_000_000n, max: 10n ** 15n }),
  steps: fc.integer({ min: 2, max: 50 }),
  verify: fc.constantFrom("none", "always"),
  unitsByRound: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
  done: fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.double({ min: 0.3, max: 1, noNaN: true })), {
    minLength: 18,
    maxLength: 18,
  }),
});

const ANY_JOB = { apiVersion: "pingo/v1", name: "any", retryMax: 0, seed: 1 } as const;

function orderOf({ kind, budgetNano, steps, verify, unitsByRound }: Drawn): Job {
  const any = { ...ANY_JOB, budgetNano: budgetNano.toString() };
  const workers = { min: 1, max: 3, cpuMillicores: 1, memoryBytes: 1 };
  if (kind === "Run")
    return {
      ...{ ...any, workers, kind, module: CID, arguments: [], inputs: [], limits: LIMITS_OF_PIECE, verify },
      pieces: assertDefined(unitsByRound[0], "there is a round"),
    };
  return {
    ...{ ...any, workers, kind, model: CID, data: { train: CID, test: null } },
    objective: { loss: "softmax-cross-entropy", target: "label", metrics: [] },
    optimizer: {
      adamw: { learningRate: 0.05, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    },
    schedule: { rounds: unitsByRound.length, stepsPerRound: steps, batchSize: 8, secondsPerRound: 60 },
  };
}

interface Place {
  readonly round: number;
  readonly index: number;
  readonly units: number;
}

function placesOf({ kind, verify, unitsByRound }: Drawn): readonly Place[] {
  const rounds = kind === "Run" ? [(unitsByRound[0] ?? 1) * (verify === "always" ? 2 : 1)] : unitsByRound;
  return rounds.flatMap((units, at) =>
    Array.from({ length: units }, (_, index) => ({ round: at + 1, index, units })),
  );
}

function unitOf(job: Cid, drawn: Drawn, { round, index }: Place, change: Partial<TrainUnit> = {}): WorkUnit {
  if (drawn.kind === "Train")
    return {
      ...{ job, round, index, program: CID, weights: CID, seed: 1, steps: drawn.steps, batchSize: 8 },
      shards: [{ cid: CID, rows: 8, sizeBytes: 8 }],
      ...{ learningRate: 0.1, deadlineMs: 1_000, ...change },
    };
  const piece = Math.floor(index / (drawn.verify === "always" ? 2 : 1));
  const run: RunUnit = {
    ...{ kind: "Run", job, round: 1, index, name: "any", piece, pieces: drawn.unitsByRound[0] ?? 1 },
    ...{ module: CID, arguments: [], input: null, limits: LIMITS_OF_PIECE, seed: 1, steps: 1 },
    deadlineMs: 1_000,
  };
  return run;
}

function receiptOf(unit: Cid, steps: number, provider: KeyPair, change: Partial<Receipt> = {}): Receipt {
  return {
    ...{ lease: leaseIdOf(new Uint8Array(26).fill(1)), unit, provider: provider.nodeId, steps, rows: 1 },
    ...{ issuedAtUnixMs: 1, cpuMs: 1, lossMean: 0, update: CID, startedAtUnixMs: 1, endedAtUnixMs: 2 },
    ...change,
  };
}

interface Done extends CountedReceipt {
  readonly place: Place;
  readonly nano: bigint;
}

interface Billed {
  readonly store: Store;
  readonly drawn: Drawn;
  readonly job: Cid;
  readonly done: readonly Done[];
  readonly bill: Bill;
}

/** As an honest fog node bills it. */
function billOf(drawn: Drawn, store = new Store()): Billed {
  const job = store.put(signValue(JOB_DOMAIN, { job: orderOf(drawn), nonce: new Uint8Array([1]) }, OWNER));
  const places = placesOf(drawn);
  const rounds = drawn.kind === "Run" ? 1 : drawn.unitsByRound.length;
  const done = places.map((place, at): Done => {
    const [by, part] = drawn.done[at] ?? [0, 1];
    const planned = drawn.kind === "Run" ? 1 : drawn.steps;
    const steps = Math.max(1, Math.floor(part * planned));
    const provider = assertDefined(PROVIDERS[by], "there are three");
    const unit = store.put(unitOf(job, drawn, place));
    const receipt = store.put(signValue(RECEIPT_DOMAIN, receiptOf(unit, steps, provider), provider));
    const { units } = place;
    const { budgetNano } = drawn;
    const { totalNano: nano } = payOf({ budgetNano, rounds, units, stepsPlanned: planned, stepsDone: steps });
    return { receipt, units, place, nano };
  });
  return { store, drawn, job, done, bill: billFor(done) };
}

function billFor(done: readonly Done[]): Bill {
  return { amountNano: sumOf(done), evidence: evidenceOfReceipts(done.map(({ receipt }) => receipt)) };
}

function sumOf(done: readonly Done[]): bigint {
  return done.reduce((sum, { nano }) => sum + nano, 0n);
}

async function judged({ store, job, done, bill }: Pick<Billed, "store" | "job" | "done" | "bill">) {
  const receipts = done.map(({ receipt, units }) => ({ receipt, units }));
  return objectionTo(bill, receipts, await openWorks(job, receipts, store.read));
}

test("a bill that was made of its receipts follows from them, and is never more than the order's budget", async () => {
  await fc.assert(
    fc.asyncProperty(arbDrawn, fc.nat(), async (drawn, chosen) => {
      const billed = billOf(drawn);
      // A job that was stopped, or of which units were given up: any part of what could have been done.
      const done = billed.done.filter((_, at) => ((chosen >> at) & 1) === 0);
      expect(await judged({ ...billed, done, bill: billFor(done) })).toBe(undefined);
      expect(sumOf(done) <= drawn.budgetNano).toBe(true);
    }),
    { numRuns: 50 },
  );
});

interface Lie {
  readonly code: Objection["code"];
  /** What the sentence says of it. */
  readonly says: RegExp;
  /** undefined: what was honestly billed. */
  readonly owedNano?: (billed: Billed) => bigint;
  readonly tell: (billed: Billed, first: Done) => Pick<Billed, "done" | "bill">;
  /** Where only one kind of job can be lied about so. */
  readonly kind?: Drawn["kind"];
}

/** The bill lists this receipt in place of the first. */
function withFirst(
  { store, done, drawn }: Billed,
  {
    place,
    nano,
    units = place.units,
    unit,
    by = PROVIDERS[0] ?? OWNER,
    provider = by,
    steps,
  }: {
    readonly place: Place;
    readonly nano: bigint;
    readonly units?: number;
    readonly unit: Cid;
    /** Who signs, and whose work the receipt says that it is. */
    readonly by?: KeyPair;
    readonly provider?: KeyPair;
    readonly steps?: number;
  },
): Pick<Billed, "done" | "bill"> {
  const body = receiptOf(unit, steps ?? (drawn.kind === "Run" ? 1 : drawn.steps), provider);
  const receipt = store.put(signValue(RECEIPT_DOMAIN, body, by));
  const told = [{ receipt, units, place, nano }, ...done.slice(1)];
  return { done: told, bill: billFor(told) };
}

const withoutFirst = ({ done }: Billed): bigint => sumOf(done.slice(1));

const LIES: Readonly<Record<string, Lie>> = {
  "one piece more than its receipts": {
    ...{ code: "AMOUNT_DIFFERS", says: /come to another sum/ },
    tell: ({ done, bill }, { nano }) => ({ done, bill: { ...bill, amountNano: bill.amountNano + nano } }),
  },
  "one nano more": {
    ...{ code: "AMOUNT_DIFFERS", says: /come to another sum/ },
    tell: ({ done, bill }) => ({ done, bill: { ...bill, amountNano: bill.amountNano + 1n } }),
  },
  "a receipt twice": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /counts twice/ },
    tell: ({ done }, first) => ({ done: [...done, first], bill: billFor([...done, first]) }),
  },
  "the same work with two receipts": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /counts twice/ },
    tell({ store, job, drawn, done }, first) {
      const unit = store.put(unitOf(job, drawn, first.place));
      const by = assertDefined(PROVIDERS[1], "there are three");
      const again = store.put(signValue(RECEIPT_DOMAIN, receiptOf(unit, 1, by, { cpuMs: 7 }), by));
      const told = [...done, { ...first, receipt: again }];
      return { done: told, bill: billFor(told) };
    },
  },
  "a receipt of another job": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /it is of the job/, owedNano: withoutFirst },
    tell: (billed, { place, nano }) =>
      withFirst(billed, { place, nano, unit: billed.store.put(unitOf(CID, billed.drawn, place)) }),
  },
  "each step dearer than the order says": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /the order says/, owedNano: withoutFirst, kind: "Train" },
    tell(billed, { place, nano }) {
      const unit = billed.store.put(unitOf(billed.job, billed.drawn, place, { steps: 1 }));
      return withFirst(billed, { place, nano, unit, steps: 1 });
    },
  },
  "smaller steps than the order says": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /the order says/, owedNano: withoutFirst, kind: "Train" },
    tell: (billed, { place, nano }) =>
      withFirst(billed, {
        ...{ place, nano },
        unit: billed.store.put(unitOf(billed.job, billed.drawn, place, { batchSize: 1 })),
      }),
  },
  "a round of more units than the order allows": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /is said to have 99 units/, owedNano: withoutFirst },
    tell: (billed, { place, nano }) =>
      withFirst(billed, {
        ...{ place, nano, units: 99 },
        unit: billed.store.put(unitOf(billed.job, billed.drawn, place)),
      }),
  },
  "a round before the first": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /no such round/, owedNano: withoutFirst, kind: "Train" },
    tell: (billed, { place, nano }) =>
      withFirst(billed, {
        ...{ place, nano },
        unit: billed.store.put(unitOf(billed.job, billed.drawn, place, { round: 0 })),
      }),
  },
  "a unit that the round does not have": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /no such unit/, owedNano: withoutFirst, kind: "Train" },
    tell: (billed, { place, nano }) =>
      withFirst(billed, {
        ...{ place, nano },
        unit: billed.store.put(unitOf(billed.job, billed.drawn, { ...place, index: place.units })),
      }),
  },
  "more steps than were planned": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /more steps/, owedNano: withoutFirst },
    tell: (billed, { place, nano }) =>
      withFirst(billed, {
        ...{ place, nano, steps: billed.drawn.kind === "Run" ? 2 : billed.drawn.steps + 1 },
        unit: billed.store.put(unitOf(billed.job, billed.drawn, place)),
      }),
  },
  "work of another module": {
    ...{
      code: "RECEIPTS_UNPROVEN",
      says: /no piece of what was ordered/,
      owedNano: withoutFirst,
      kind: "Run",
    },
    tell(billed, { place, nano }) {
      const { store, job, drawn } = billed;
      const unit = { ...unitOf(job, drawn, place), module: cidOfBytes(new Uint8Array([2]), "raw") };
      return withFirst(billed, { place, nano, unit: store.put(unit) });
    },
  },
  "a receipt signed by a strange key": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /another signed than did the work/, owedNano: withoutFirst },
    tell: (billed, { place, nano }) =>
      withFirst(billed, {
        ...{ place, nano, by: STRANGER, provider: assertDefined(PROVIDERS[0], "there are three") },
        unit: billed.store.put(unitOf(billed.job, billed.drawn, place)),
      }),
  },
  "a receipt whose signature is of something else": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /does not verify/, owedNano: withoutFirst },
    tell({ store, job, drawn, done }, { place, units, nano }) {
      const [by] = PROVIDERS;
      const body = receiptOf(store.put(unitOf(job, drawn, place)), 1, by ?? OWNER);
      const signed = signValue(RECEIPT_DOMAIN, { ...body, steps: 2 }, by ?? OWNER);
      const told = [{ receipt: store.put({ ...signed, body }), units, place, nano }, ...done.slice(1)];
      return { done: told, bill: billFor(told) };
    },
  },
  "a block that is not what its id says": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /what came is not the block/, owedNano: withoutFirst },
    tell({ store, done, bill }, { receipt }) {
      store.blocks.set(receipt, encodeCanonical({ any: "thing" }));
      return { done, bill };
    },
  },
  "something that is no receipt": {
    ...{ code: "RECEIPTS_UNPROVEN", says: /a receipt/, owedNano: withoutFirst },
    tell({ store, done }, { place, units, nano }) {
      const told = [{ receipt: store.put({ any: "thing" }), units, place, nano }, ...done.slice(1)];
      return { done: told, bill: billFor(told) };
    },
  },
  "the evidence of other receipts": {
    ...{ code: "OTHER_RECEIPTS", says: /other receipts/ },
    tell: ({ done, bill }) => ({ done, bill: { ...bill, evidence: evidenceOfReceipts([CID]) } }),
  },
  "a receipt that is not shown": {
    ...{ code: "OTHER_RECEIPTS", says: /other receipts/, owedNano: withoutFirst },
    tell: ({ done, bill }) => ({ done: done.slice(1), bill }),
  },
};

test.each(Object.entries(LIES))(
  "a bill with %s does not follow, and what is owed is told",
  async (_, lie) => {
    await fc.assert(
      fc.asyncProperty(arbDrawn, async (drawn) => {
        const billed = billOf({ ...drawn, kind: lie.kind ?? drawn.kind });
        const first = assertDefined(billed.done[0], "there is a unit");
        const objection = await judged({ ...billed, ...lie.tell(billed, first) });
        expect(objection).toMatchObject({
          code: lie.code,
          owedNano: (lie.owedNano ?? (({ done }) => sumOf(done)))(billed),
        });
        if (objection !== undefined) expect(sentenceOfObjection(objection)).toMatch(lie.says);
      }),
      { numRuns: 15 },
    );
  },
);

test("a round is of as many units for each of its receipts", async () => {
  const drawn = { ...assertDefined(fc.sample(arbDrawn, 1)[0], "one was drawn"), kind: "Train" } as const;
  const billed = billOf({ ...drawn, unitsByRound: [3] });
  const done = billed.done.map((one, at) => (at === 1 ? { ...one, units: 2 } : one));
  expect(await judged({ ...billed, done })).toMatchObject({
    code: "RECEIPTS_UNPROVEN",
    unproven: 1,
    why: "its round has another number of units",
  });
});

test("an order that was not signed, or cannot be had, proves nothing; a fog node that does not answer says nothing", async () => {
  const { store, done, bill } = billOf(assertDefined(fc.sample(arbDrawn, 1)[0], "one was drawn"));
  const order = {
    job: orderOf({ ...assertDefined(fc.sample(arbDrawn, 1)[0], "one") }),
    nonce: new Uint8Array(1),
  };
  const signed = signValue(JOB_DOMAIN, order, OWNER);
  const forged = store.put({ ...signed, signer: STRANGER.nodeId });
  await expect(judged({ store, job: forged, done, bill })).rejects.toMatchObject({
    code: "SIGNATURE_INVALID",
  });
  const down = new Error("the connection broke");
  const [{ receipt = CID, units = 1 } = {}] = done;
  const reading = openWorks(store.put(signed), [{ receipt, units }], async (cid) => {
    if (cid === receipt) throw down;
    return store.read(cid);
  });
  await expect(reading).rejects.toBe(down);
});
