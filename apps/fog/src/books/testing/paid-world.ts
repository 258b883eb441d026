/**
 * A station's money without its processes: real jobs, receipts and verdicts in a real database, by the code that writes them, beside a chain of a few
 * lines. What the chain does, and when, is the test's to say.
 */
import type { PingoMove } from "@pingo/contracts";
import {
  assertDefined,
  type Cid,
  cidOfBytes,
  cidOfValue,
  encodeCanonical,
  JOB_DOMAIN,
  type KeyPair,
  keyPairOfSeed,
  type LeaseId,
  leaseIdOf,
  type NodeId,
  RECEIPT_DOMAIN,
  type Receipt,
  type RunJob,
  type RunUnit,
  signValue,
  WALLET_DOMAIN,
} from "@pingo/core";
import { createTestClock, silentLog } from "@pingo/core/testing";
import { evidenceOfReceipts, payOf } from "@pingo/scheduler";
import { createMemoryBlocks } from "@pingo/storage/testing";
import { walletContract } from "@pingo/ton";
import { Address } from "@ton/core";
import { refute } from "../../cases/refute.ts";
import type { Database } from "../../database/database.ts";
import { insertJob } from "../../database/job-store.ts";
import type { Sql } from "../../database/schema.ts";
import { findResult, insertUnits } from "../../database/work-store.ts";
import { closeEpoch } from "../../emission/close-epoch.ts";
import { Documents } from "../../emission/documents.ts";
import { writeChange } from "../../jobs/job-change.ts";
import { recordGrant, recordStep } from "../../jobs/round-ledger.ts";
import { saveWallet } from "../../membership/member-store.ts";
import { recordClose, recordDeposit } from "../../settlement/escrow-ledger.ts";
import { Payouts } from "../../settlement/payouts.ts";
import type { SettlementChain } from "../../settlement/settlement-chain.ts";
import { billOf, saveEscrow, setEscrowState } from "../../settlement/settlement-store.ts";
import { auditBooks } from "../audit.ts";
import { postEscrow } from "../journal.ts";

const NETWORK = -3;
const MODULE = cidOfBytes(new Uint8Array([1]), "raw");
const WORKERS = { min: 1, max: 1, cpuMillicores: 1, memoryBytes: 1 };
const LIMITS_OF_PIECE = { memoryBytes: 65_536, outputBytes: 1, secondsPerPiece: 1 };
const DEADLINE_UNIX_S = 2_000_000_000;
const keyOf = (n: number): KeyPair => keyPairOfSeed(new Uint8Array(32).fill(n));

export const FOG = keyOf(1);
export const OWNERS = [keyOf(2), keyOf(3)] as const;
export const PROVIDERS = [keyOf(4), keyOf(5), keyOf(6)] as const;
/** Somebody who was never here. */
export const strangerOf = (n: number): KeyPair => keyOf(10 + n);

export interface PaidJob {
  readonly id: Cid;
  readonly owner: NodeId;
  readonly budgetNano: bigint;
  readonly units: readonly RunUnit[];
  /** By piece: the lease that its receipt came for. */
  readonly leases: Map<number, LeaseId>;
  readonly refuted: Set<LeaseId>;
  isFinished: boolean;
  /** As the chain has it. */
  phase: "open" | "billed" | "closed";
  billedNano: bigint;
  evidence: Uint8Array | null;
}

const TABLES = [
  ...["entries", "transfers", "accounts", "payouts", "epoch_roots", "epoch_jobs", "epochs", "escrows"],
  ...["refutations", "verifications", "results", "leases", "units", "events", "wallets", "jobs"],
];

/** For a world that nothing has happened in; quicker than another database. */
export async function emptyTables(database: Database): Promise<void> {
  await database.run(`
    begin;
    set local session_replication_role = replica;
    ${TABLES.map((table) => `delete from ${table};`).join("\n")}
    commit;`);
}

export class PaidWorld {
  readonly sql: Sql;
  readonly clock = createTestClock();
  readonly blocks = createMemoryBlocks();
  readonly jobs: PaidJob[] = [];
  readonly chain: SettlementChain;
  readonly #movesByOwner = new Map<string, PingoMove[]>();
  #payouts: Payouts;
  #lt = 0n;
  #drawn = 0;
  #epoch = 0;

  constructor(sql: Sql) {
    this.sql = sql;
    this.chain = this.#makeChain();
    this.#payouts = this.#makePayouts();
  }

  /** Their wallets are known. */
  async link(keys: readonly KeyPair[] = [...OWNERS, ...PROVIDERS]): Promise<void> {
    for (const key of keys) {
      const address = addressOf(walletOf(key));
      const statement = { node: key.nodeId, address, network: NETWORK, atUnixMs: 1 } as const;
      const link = {
        byNode: signValue(WALLET_DOMAIN, statement, key),
        byWallet: signValue(WALLET_DOMAIN, statement, walletOf(key)),
      };
      await saveWallet(this.sql, { node: key.nodeId, address, link: encodeCanonical(link), statedUnixMs: 1 });
    }
  }

  async admit(owner: KeyPair, budgetNano: bigint, pieces: number): Promise<PaidJob> {
    const job: RunJob = {
      ...{ apiVersion: "pingo/v1", kind: "Run", name: "pieces", module: MODULE, arguments: [], inputs: [] },
      ...{ pieces, limits: LIMITS_OF_PIECE, verify: "none", retryMax: 0, budgetNano: String(budgetNano) },
      ...{ seed: 1, workers: WORKERS },
    };
    const signed = signValue(JOB_DOMAIN, { job, nonce: this.#fresh() }, owner);
    const id = cidOfValue(signed);
    const units = Array.from(
      { length: pieces },
      (_, index): RunUnit => ({
        ...{ kind: "Run", job: id, round: 1, index, name: "pieces", piece: index, pieces, module: MODULE },
        ...{ arguments: [], input: null, limits: LIMITS_OF_PIECE, seed: 1, steps: 1, deadlineMs: 1_000 },
      }),
    );
    const atUnixMs = this.clock.nowUnixMs();
    await this.sql.transaction(async (tx) => {
      await insertJob(tx, {
        ...{ id, owner: owner.nodeId, kind: "Run", name: "pieces", envelope: encodeCanonical(signed) },
        ...{ state: "running", program: MODULE, rounds: 1, createdUnixMs: atUnixMs, budgetNano },
      });
      await postEscrow(tx, { job: id, owner: owner.nodeId, budgetNano, atUnixMs, hasCredit: true });
      await insertUnits(tx, units);
    });
    const made: PaidJob = {
      ...{ id, owner: owner.nodeId, budgetNano, units, leases: new Map(), refuted: new Set() },
      ...{ isFinished: false, phase: "open", billedNano: 0n, evidence: null },
    };
    this.jobs.push(made);
    // Work for nothing needs no escrow.
    if (budgetNano === 0n) return made;
    const [address, userAddress] = [escrowOf(id), addressOf(walletOf(owner))];
    const deadlineUnixS = DEADLINE_UNIX_S;
    await saveEscrow(this.sql, {
      ...{
        job: id,
        address,
        userAddress,
        deadlineUnixS,
        state: "awaited",
        createdUnixMs: atUnixMs,
        bill: null,
      },
    });
    this.#move(address, { direction: "in", queryId: 0n, amountNano: budgetNano, wallet: null });
    await recordDeposit(this.sql, { job: id, owner: owner.nodeId }, budgetNano, atUnixMs);
    return made;
  }

  /** A piece is done and its receipt taken. @returns its lease; undefined where the job is over or the piece done */
  async deliver(job: PaidJob, piece: number, key: KeyPair): Promise<LeaseId | undefined> {
    const unit = job.units[piece];
    if (unit === undefined || job.isFinished || job.leases.has(piece)) return undefined;
    const lease = leaseIdOf(this.#fresh(26));
    const atUnixMs = this.clock.nowUnixMs();
    const provider = key.nodeId;
    const granted = { id: lease, attempt: 1, provider, unit, issuedAtUnixMs: atUnixMs, ttlMs: 1_000 };
    await recordGrant(this.sql, { ...granted, registry: null }, false);
    const receipt: Receipt = {
      ...{ lease, unit: cidOfValue(unit), provider, steps: 1, rows: 1, issuedAtUnixMs: atUnixMs, cpuMs: 1 },
      ...{ lossMean: 0, update: MODULE, startedAtUnixMs: 1, endedAtUnixMs: 2 },
    };
    const bytes = encodeCanonical(signValue(RECEIPT_DOMAIN, receipt, key));
    const cid = cidOfBytes(bytes, "dagCbor");
    const work = { rounds: 1, units: job.units.length, stepsPlanned: 1, stepsDone: 1 };
    const pay = payOf({ budgetNano: job.budgetNano, ...work });
    await recordStep(this.sql, {
      ...{ job: job.id, round: 1, atUnixMs, fog: FOG.nodeId },
      actions: [{ type: "acknowledge", unit: piece, lease, provider, counted: true, isNew: true }],
      result: { receipt, bytes, cid, unit: piece, round: 1, pay, draw: 0 },
    });
    job.leases.set(piece, lease);
    return lease;
  }

  /** This station did it again, and something else came out. */
  async refute(lease: LeaseId, sql = this.sql): Promise<Cid> {
    const result = assertDefined(await findResult(this.sql, lease), "it was delivered");
    const { clock, blocks } = this;
    const options = { sql, blocks, fog: FOG.nodeId, clock, log: silentLog };
    const reexecuted = cidOfBytes(this.#fresh(), "raw");
    const cid = await refute(options, { result, reexecuted, deviation: 1, tolerance: 0 });
    this.jobs.find(({ id }) => id === result.job)?.refuted.add(lease);
    return cid;
  }

  async finish(job: PaidJob): Promise<void> {
    if (job.isFinished) return;
    job.isFinished = true;
    const change = { state: "succeeded", finishedUnixMs: this.clock.nowUnixMs() } as const;
    await this.sql.transaction((tx) => writeChange(tx, { id: job.id, owner: job.owner }, change));
  }

  async bill(job: PaidJob): Promise<void> {
    if (!job.isFinished || job.phase !== "open" || job.budgetNano === 0n) return;
    const { amountNano, receipts } = await billOf(this.sql, job.id);
    const evidence = evidenceOfReceipts(receipts.map(({ receipt }) => receipt));
    Object.assign(job, { phase: "billed", billedNano: amountNano, evidence });
    await setEscrowState(this.sql, job.id, "billed");
  }

  /** @param cutNano what a dispute took from the bill */
  async close(job: PaidJob, cutNano = 0n): Promise<void> {
    if (job.phase !== "billed") return;
    job.phase = "closed";
    job.billedNano = job.billedNano > cutNano ? job.billedNano - cutNano : 0n;
    const wallet = this.chain.pingoWalletOf(escrowOf(job.id));
    if (job.billedNano > 0n)
      this.#move(addressOf(FOG), { direction: "in", queryId: 0n, amountNano: job.billedNano, wallet });
    await recordClose(this.sql, { job: job.id, owner: job.owner }, job.billedNano, this.clock.nowUnixMs());
  }

  async payOut(): Promise<void> {
    await this.#payouts.advance();
  }

  async closeEpoch(): Promise<void> {
    this.#epoch += 1;
    const roomNano = async () => ({ compute: 10n ** 15n, fog: 10n ** 15n });
    const chain = { network: NETWORK, roomNano } as const;
    const { sql, blocks, clock } = this;
    const documents = new Documents(blocks);
    await closeEpoch({ chain, fog: FOG.nodeId, sql, blocks, documents, clock }, this.#epoch);
  }

  /** What a station knows when it starts again is what its database knows. */
  restart(): void {
    this.#payouts = this.#makePayouts();
  }

  audit(sql = this.sql) {
    const { chain } = this;
    return auditBooks({
      ...{ sql, fog: FOG.nodeId, signal: new AbortController().signal, emission: undefined },
      settlement: {
        async reconcile(find, note) {
          const { reconcile } = await import("../../settlement/reconcile.ts");
          return reconcile({ sql, chain }, find, note);
        },
      },
    });
  }

  #fresh(bytes = 8): Uint8Array {
    const fresh = new Uint8Array(bytes);
    // In digits of base 32, as a lease's id has them.
    for (let [at, left] = [0, ++this.#drawn]; left > 0; at++, left >>>= 5) fresh[at] = left % 32;
    return fresh;
  }

  #move(owner: string, move: Omit<PingoMove, "lt">): void {
    this.#lt += 1n;
    const moves = this.#movesByOwner.get(owner) ?? [];
    this.#movesByOwner.set(owner, [{ lt: this.#lt, ...move }, ...moves]);
  }

  #makePayouts(): Payouts {
    const { chain, sql, clock } = this;
    return new Payouts({ chain, sql, clock, fog: FOG.nodeId, log: silentLog });
  }

  #makeChain(): SettlementChain {
    const own = addressOf(FOG);
    const pingoWalletOf = (owner: string): Address => Address.parseRaw(`0:f${owner.slice(3)}`);
    return {
      ...{ purse: pingoWalletOf(own), vaultWallets: new Set(), pingoWalletOf },
      nowUnixS: async () => Math.floor(this.clock.nowUnixMs() / 1_000),
      addressOf: ({ job }) => escrowOf(job),
      read: async ({ job: id }) => {
        const job = assertDefined(
          this.jobs.find((one) => one.id === id),
          "it was admitted",
        );
        const { phase, billedNano, budgetNano: depositedNano } = job;
        return { phase, billedNano, depositedNano, untilUnixS: DEADLINE_UNIX_S, evidence: 1n, owedNano: 0n };
      },
      bill: async () => undefined,
      finish: async () => undefined,
      pay: async (choose) => {
        for (const { id, address, amountNano } of await choose()) {
          const queryId = BigInt(id);
          this.#move(own, { direction: "out", queryId, amountNano, wallet: pingoWalletOf(address) });
          this.#move(address, { direction: "in", queryId, amountNano, wallet: pingoWalletOf(own) });
        }
      },
      moves: async (afterLt, owner = own) =>
        (this.#movesByOwner.get(owner) ?? []).filter(({ lt }) => lt > afterLt),
    };
  }
}

/** A node's key is no wallet's. */
function walletOf({ seed }: KeyPair): KeyPair {
  return keyPairOfSeed(seed.map((byte) => byte + 100));
}

function addressOf(key: KeyPair): string {
  return walletContract(key.publicKey, NETWORK).address.toRawString();
}

function escrowOf(job: Cid): string {
  return `0:0${Buffer.from(encodeCanonical(job)).toString("hex").slice(-63)}`;
}
