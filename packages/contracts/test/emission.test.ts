/** Epochs from signed receipts: what is altered is refused where it stands, sums only grow, and the order of receipts is none. */
import {
  assert,
  type Cid,
  cidOfBytes,
  decodeCanonical,
  type EpochJob,
  encodeCanonical,
  JOB_DOMAIN,
  type KeyPair,
  keyPairOfSeed,
  leaseIdOf,
  POOLS,
  parseShape,
  RECEIPT_DOMAIN,
  type Receipt,
  type RunJob,
  type RunUnit,
  signValue,
  WALLET_DOMAIN,
  zSignedReceipt,
} from "@pingo/core";
import { walletContract } from "@pingo/ton";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Evidence, openEvidence } from "../src/emission/evidence.ts";
import { givenOf, settleEpoch, treeOf } from "../src/emission/settle-epoch.ts";
import { addressOf } from "../src/testing/index.ts";

const NETWORK = -3;
const keyOf = (n: number): KeyPair => keyPairOfSeed(new Uint8Array(32).fill(n));
const FOG = keyOf(1);
const OWNER = keyOf(2);
const PROVIDERS = [keyOf(3), keyOf(4), keyOf(5)];
const USER = addressOf("user").toRawString();
const MODULE = cidOfBytes(new Uint8Array([1]), "raw");
const ROOM = { compute: 10n ** 15n, fog: 10n ** 15n };

/** Blocks by id, as a fog node serves them. */
class Store {
  readonly #blocks = new Map<Cid, Uint8Array>();

  put(value: unknown): Cid {
    const bytes = encodeCanonical(value);
    const cid = cidOfBytes(bytes, "dagCbor");
    this.#blocks.set(cid, bytes);
    return cid;
  }

  readonly read = async (cid: Cid): Promise<Uint8Array> => {
    const bytes = this.#blocks.get(cid);
    if (!bytes) throw new Error(`no block ${cid}`);
    return bytes;
  };
}

interface Drawn {
  readonly budgetNano: bigint;
  readonly pieces: number;
  /** Who did the pieces that were done, in order. */
  readonly doneBy: readonly number[];
}

const LIMITS_OF_PIECE = { memoryBytes: 65_536, outputBytes: 1, secondsPerPiece: 1 };

function putJob(store: Store, nonce: number, { budgetNano, pieces, doneBy }: Drawn): EpochJob {
  const job: RunJob = {
    ...{
      apiVersion: "pingo/v1",
      kind: "Run",
      name: "pieces",
      module: MODULE,
      arguments: [],
      inputs: [],
      pieces,
    },
    ...{ limits: LIMITS_OF_PIECE, verify: "none", retryMax: 0, budgetNano: budgetNano.toString(), seed: 1 },
    workers: { min: 1, max: 1, cpuMillicores: 1, memoryBytes: 1 },
  };
  const id = store.put(signValue(JOB_DOMAIN, { job, nonce: new Uint8Array([nonce]) }, OWNER));
  const receipts = doneBy.slice(0, pieces).map((provider, index) => ({
    receipt: putReceipt(store, unitOf(store, id, index, pieces), provider, nonce * 100 + index),
    units: pieces,
  }));
  // As the escrow paid: what the receipts came to.
  const paidNano = BigInt(receipts.length) * (budgetNano / BigInt(pieces));
  return { job: id, isModel: false, user: USER, deadlineUnixS: 1, paidNano: paidNano.toString(), receipts };
}

function unitOf(store: Store, job: Cid, index: number, pieces: number): Cid {
  const unit: RunUnit = {
    ...{ kind: "Run", job, round: 1, index, name: "pieces", piece: index, pieces, module: MODULE },
    ...{ arguments: [], input: null, limits: LIMITS_OF_PIECE, seed: 1, steps: 1, deadlineMs: 1_000 },
  };
  return store.put(unit);
}

function putReceipt(store: Store, unit: Cid, by: number, number: number, change: Partial<Receipt> = {}): Cid {
  const key = PROVIDERS[by] ?? FOG;
  const receipt: Receipt = {
    ...{ lease: leaseIdOf(new Uint8Array(26).fill(number)), unit, provider: key.nodeId, steps: 1, rows: 1 },
    ...{ issuedAtUnixMs: 1, cpuMs: 1, lossMean: 0, update: MODULE, startedAtUnixMs: 1, endedAtUnixMs: 2 },
    ...change,
  };
  return store.put(signValue(RECEIPT_DOMAIN, receipt, key));
}

function putLink(store: Store, key: KeyPair, wallet: KeyPair): Cid {
  const address = walletContract(wallet.publicKey, NETWORK).address.toRawString();
  const statement = { node: key.nodeId, address, network: NETWORK, atUnixMs: 1 };
  return store.put({
    byNode: signValue(WALLET_DOMAIN, statement, key),
    byWallet: signValue(WALLET_DOMAIN, statement, wallet),
  });
}

function walletOf(n: number): KeyPair {
  return keyOf(n + 100);
}

const arbDrawn: fc.Arbitrary<Drawn> = fc.integer({ min: 1, max: 4 }).chain((pieces) =>
  fc.record({
    pieces: fc.constant(pieces),
    // Whole parts, so that what was paid is what receipts come to.
    budgetNano: fc.bigInt({ min: 0n, max: 10n ** 12n }).map((part) => part * BigInt(pieces)),
    doneBy: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: pieces }),
  }),
);

function linksIn(store: Store, nodes = PROVIDERS): readonly Cid[] {
  return nodes.map((key, at) => putLink(store, key, walletOf(at)));
}

test("over epochs sums only grow and stay within the schedule, whatever was paid; the order of jobs, receipts and links is none", async () => {
  const arbEpochs = fc.array(
    fc.record({
      jobs: fc.array(arbDrawn, { minLength: 1, maxLength: 3 }),
      room: fc.bigInt({ min: 0n, max: 10n ** 10n }),
      seed: fc.infiniteStream(fc.nat()),
    }),
    { minLength: 1, maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(arbEpochs, async (drawn) => {
      const store = new Store();
      const links = linksIn(store);
      let before = givenOf(undefined);
      let openedNano = 0n;
      for (const [at, { jobs: list, room, seed }] of drawn.entries()) {
        const jobs = list.map((job, place) => putJob(store, 10 * at + place, job));
        const evidence: Evidence = { network: NETWORK, fog: FOG.nodeId, jobs, links };
        const roomNano = { compute: room, fog: room };
        const pools = settleEpoch(await openEvidence(evidence, store.read), roomNano, before);
        const mixed = <T>(values: readonly T[]): T[] =>
          values
            .map((value) => ({ value, by: seed.next().value ?? 0 }))
            .sort((a, b) => a.by - b.by)
            .map(({ value }) => value);
        const other = {
          ...evidence,
          links: mixed(links),
          jobs: mixed(jobs).map((job) => ({ ...job, receipts: mixed(job.receipts) })),
        };
        expect(settleEpoch(await openEvidence(other, store.read), roomNano, before)).toEqual(pools);
        openedNano += room;
        for (const pool of POOLS) {
          const nanoBy = new Map(pools[pool].given.map(({ owner, nano }) => [owner, BigInt(nano)]));
          for (const { owner, nano } of before[pool])
            expect((nanoBy.get(owner) ?? 0n) >= BigInt(nano)).toBe(true);
          expect(BigInt(pools[pool].totalNano) <= openedNano).toBe(true);
          expect(treeOf(pools[pool].given)?.root.toString(16).padStart(64, "0") ?? null).toBe(
            pools[pool].root,
          );
        }
        before = givenOf({ pools });
      }
    }),
    { numRuns: 20 },
  );
});

test("a piece of 100 PINGO gives a provider and a fog node 1.875 each, and its user 0.625; what nobody's wallet did lapses", async () => {
  const store = new Store();
  const jobs = [putJob(store, 1, { budgetNano: 100n * 10n ** 9n, pieces: 1, doneBy: [0] })];
  const told = async (links: readonly Cid[]) => {
    const evidence: Evidence = { network: NETWORK, fog: FOG.nodeId, jobs, links };
    const { compute, fog } = settleEpoch(await openEvidence(evidence, store.read), ROOM, givenOf(undefined));
    return [compute.rewards, fog.rewards].map((shares) => shares.map(({ nano }) => nano).sort());
  };
  expect(await told(linksIn(store))).toEqual([["1875000000"], ["1875000000", "625000000"]]);
  expect(await told([])).toEqual([[], ["1875000000", "625000000"]]);
});

/** What an epoch's file could say that was not so, and where that is seen. */
const ALTERATIONS: readonly (readonly [string, (evidence: Evidence, store: Store) => Evidence])[] = [
  ["twice", (e) => ({ ...e, jobs: [...e.jobs, ...e.jobs] })],
  ["counts twice", (e) => onFirst(e, (job) => ({ ...job, receipts: [...job.receipts, ...job.receipts] }))],
  ["were paid for work of", (e) => onFirst(e, (job) => ({ ...job, paidNano: "9000000001" }))],
  ["trains nothing", (e) => onFirst(e, (job) => ({ ...job, isModel: true }))],
  [
    "is said to have 1 unit, and the order says 3",
    (e) => onFirst(e, (job) => ({ ...job, receipts: job.receipts.map((r) => ({ ...r, units: 1 })) })),
  ],
  [
    "is said to have 4 units, and the order says 3",
    (e) =>
      onFirst(e, (job) => ({ ...job, receipts: job.receipts.map((r, at) => ({ ...r, units: 3 + at })) })),
  ],
  [
    "more steps",
    (e, store) =>
      onFirst(e, (job) => ({ ...job, receipts: [of(store, unitOf(store, job.job, 0, 3), { steps: 2 })] })),
  ],
  [
    "of the job",
    (e, store) => onFirst(e, (job) => ({ ...job, receipts: [of(store, unitOf(store, MODULE, 0, 3))] })),
  ],
  [
    "another signed",
    (e, store) =>
      onFirst(e, (job) => ({
        ...job,
        receipts: [of(store, unitOf(store, job.job, 0, 3), { provider: FOG.nodeId })],
      })),
  ],
  ["linked twice", (e, store) => ({ ...e, links: [...e.links, putLink(store, keyOf(3), keyOf(99))] })],
  [
    "did not sign the same",
    (e, store) => {
      const statement = { node: FOG.nodeId, address: USER, network: NETWORK, atUnixMs: 1 };
      const one = signValue(WALLET_DOMAIN, statement, FOG);
      return { ...e, links: [store.put({ byNode: one, byWallet: one })] };
    },
  ],
  [
    "is not that key's wallet",
    (e, store) => {
      const statement = { node: FOG.nodeId, address: USER, network: NETWORK, atUnixMs: 1 };
      const signed = [FOG, OWNER].map((key) => signValue(WALLET_DOMAIN, statement, key));
      return { ...e, links: [store.put({ byNode: signed[0], byWallet: signed[1] })] };
    },
  ],
  [
    "signature",
    (e, store) => {
      const job = { ...signValue(JOB_DOMAIN, "no job", OWNER), body: "another" };
      return { ...e, jobs: [{ ...(e.jobs[0] as EpochJob), job: store.put(job) }] }; // SAFETY: there is one
    },
  ],
];

function onFirst(evidence: Evidence, change: (job: EpochJob) => EpochJob): Evidence {
  return { ...evidence, jobs: evidence.jobs.map((job, at) => (at === 0 ? change(job) : job)) };
}

function of(store: Store, unit: Cid, change: Partial<Receipt> = {}) {
  return { receipt: putReceipt(store, unit, 0, 77, change), units: 3 };
}

test.each(ALTERATIONS)("evidence that is altered is refused, with where and why: %s", async (why, alter) => {
  const store = new Store();
  const jobs = [putJob(store, 1, { budgetNano: 9_000_000_000n, pieces: 3, doneBy: [0, 1, 2] })];
  const evidence: Evidence = { network: NETWORK, fog: FOG.nodeId, jobs, links: linksIn(store) };
  expect(await openEvidence(evidence, store.read)).toHaveLength(1);
  const opening = openEvidence(alter(evidence, store), store.read);
  const words = why === "signature" ? "EVIDENCE_WRONG" : why;
  await expect(opening).rejects.toMatchObject({ code: "EVIDENCE_WRONG" });
  if (words === why) await expect(opening).rejects.toThrow(why);
});

test("a receipt that was refuted gives nothing and cuts nobody, whether its escrow had paid for it or not; by a verdict on another it is refused", async () => {
  const store = new Store();
  const job = putJob(store, 1, { budgetNano: 9_000_000_000n, pieces: 3, doneBy: [0, 1, 2] });
  const reexecuted = cidOfBytes(new Uint8Array([2]), "raw");
  const verdictOn = async ({ receipt: cid }: EpochJob["receipts"][number], deviation = 1): Promise<Cid> => {
    const { body } = parseShape(zSignedReceipt, decodeCanonical(await store.read(cid)), "a receipt");
    const { unit, steps, update: claimed } = body;
    const found = { receipt: cid, unit, steps, claimed, reexecuted, deviation, tolerance: 0 };
    return store.put({ kind: "pingo/verdict/v1", statement: null, ...found });
  };
  const [first, second, third] = job.receipts;
  assert(first !== undefined && second !== undefined && third !== undefined, "three pieces were done");
  const feesOf = async (refuted: Cid, paidNano: string): Promise<readonly bigint[]> => {
    const jobs = [{ ...job, paidNano, receipts: [{ ...first, refuted }, second, third] }];
    const evidence: Evidence = { network: NETWORK, fog: FOG.nodeId, jobs, links: linksIn(store) };
    const [opened] = await openEvidence(evidence, store.read);
    return (opened?.works ?? []).map(({ feeNano }) => feeNano);
  };
  const verdict = await verdictOn(first);
  for (const paidNano of ["6000000000", "9000000000"])
    expect(await feesOf(verdict, paidNano)).toEqual([150_000_000n, 150_000_000n]);
  // A dispute cuts what stands.
  expect(await feesOf(verdict, "3000000000")).toEqual([75_000_000n, 75_000_000n]);
  for (const wrong of [await verdictOn(second), await verdictOn(first, 0), job.job])
    await expect(feesOf(wrong, "9000000000")).rejects.toMatchObject({ code: "EVIDENCE_WRONG" });
});
