/**
 * The emission: epochs closed, their roots brought onto the chain, claims followed.
 *
 * Each step is found out from the books and the chain, so it may be cut off anywhere and taken up again. Roots are sums of everything since the first epoch:
 * only the newest of a pool is ever posted, and one that another waits before is posted when that one is decided.
 */
import type { DistributorView } from "@pingo/contracts";
import {
  type Clock,
  type EmissionReport,
  type EmissionView,
  type EpochDocument,
  isFault,
  type Log,
  type NodeId,
  POOLS,
  type Pool,
  type RewardsView,
} from "@pingo/core";
import type { Blocks } from "@pingo/storage";
import type { EpochRootRow, Sql } from "../database/schema.ts";
import { FogError } from "../fault.ts";
import type { Find } from "../settlement/reconcile.ts";
import { whyOf } from "../why-of.ts";
import { addressHash } from "./address-hash.ts";
import { auditEpochs } from "./audit-epochs.ts";
import { Claims } from "./claims.ts";
import { closeEpoch, draftEpoch } from "./close-epoch.ts";
import { Documents } from "./documents.ts";
import type { EmissionChain, EpochTerms } from "./emission-chain.ts";
import {
  countVerdicts,
  findEpoch,
  lastEpoch,
  listEpochs,
  movedNano,
  rootsOfEpoch,
  rootsOfPool,
  setRootSeen,
  settledJobs,
} from "./emission-store.ts";

export interface EmissionOptions {
  readonly chain: EmissionChain;
  readonly fog: NodeId;
  readonly sql: Sql;
  readonly blocks: Blocks;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when this is disposed of. */
  readonly ending: AbortController;
}

const LOOK_MS = 3_000;
const RETRY_MS = 5_000;
/** From the order until the chain shows its root; sent again then, which the quorum's number makes harmless. */
const SHOWN_MS = 60_000;
/** Of one answer. */
const EPOCHS_MAX = 64;

export class Emission implements AsyncDisposable {
  readonly documents: Documents;
  readonly #options: EmissionOptions;
  readonly #claims: Claims;
  readonly #done: Promise<void>;
  /** What keeps a pool's root from being posted, so that it is told once. */
  readonly #heldUp = new Map<Pool, string>();
  readonly #postedMs = new Map<string, number>();
  #draft: { readonly key: string; readonly document: Promise<EpochDocument | undefined> } | undefined;

  constructor(options: EmissionOptions) {
    this.#options = options;
    this.documents = new Documents(options.blocks);
    this.#claims = new Claims(options);
    this.#done = this.#watch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.ending.abort(new FogError({ code: "STOPPING" }));
    await this.#done;
  }

  async view(): Promise<EmissionView> {
    const { chain, sql } = this.#options;
    const [terms, nowUnixS] = await Promise.all([chain.terms(), chain.nowUnixS()]);
    const running = endedBy(terms, nowUnixS) + 1;
    const pools = await Promise.all(POOLS.map(async (pool) => poolView(pool, await chain.view(pool))));
    const epochs = (await listEpochs(sql)).toReversed().slice(0, EPOCHS_MAX);
    return {
      running,
      endsAtUnixS: terms.startUnixS + running * terms.epochSeconds,
      epochSeconds: terms.epochSeconds,
      windowSeconds: terms.windowSeconds,
      pools,
      epochs: await Promise.all(
        epochs.map(async ({ epoch, document }) => ({
          epoch,
          document,
          roots: (await rootsOfEpoch(sql, epoch)).map(({ pool, root, totalNano }) => ({
            ...{ pool, root },
            totalNano: totalNano.toString(),
          })),
        })),
      ),
    };
  }

  /** @param owner workchain:hex */
  async rewards(owner: string): Promise<RewardsView> {
    const { chain, sql } = this.#options;
    const terms = await chain.terms();
    const running = endedBy(terms, await chain.nowUnixS()) + 1;
    const draft = await this.#running(running);
    const pools = await Promise.all(
      POOLS.map(async (pool) => {
        const { active, pending } = await chain.view(pool);
        const { givenNano, claimedNano } = await movedNano(sql, pool, owner);
        const inForce = await this.#inForce(pool, owner, active.epoch);
        const share = draft?.pools[pool].rewards.find((reward) => reward.owner === owner);
        return {
          pool,
          givenNano: givenNano.toString(),
          claimedNano: claimedNano.toString(),
          ...inForce,
          waitsUntilUnixS: pending === null ? null : pending.untilUnixS,
          runningNano: share?.nano ?? "0",
        };
      }),
    );
    return { owner, running, endsAtUnixS: terms.startUnixS + running * terms.epochSeconds, pools };
  }

  /** Computes epochs and rewards again, and compares them with the chain. */
  audit(find: Find, sql = this.#options.sql): Promise<EmissionReport> {
    return auditEpochs({ ...this.#options, sql, documents: this.documents }, find);
  }

  async #inForce(
    pool: Pool,
    owner: string,
    epoch: number,
  ): Promise<Pick<RewardsView["pools"][number], "inForceNano" | "proof">> {
    const row = epoch === 0 ? undefined : await findEpoch(this.#options.sql, epoch);
    const tree = row && (await this.documents.tree(row.document, pool));
    const nano = tree?.amountOf(addressHash(owner)) ?? 0n;
    if (!tree || nano === 0n) return { inForceNano: "0", proof: null };
    return {
      inForceNano: nano.toString(),
      proof: tree.proofOf(addressHash(owner)).toBoc().toString("base64"),
    };
  }

  /** What the epoch that runs would give by now; computed anew when a job was settled. */
  async #running(epoch: number): Promise<EpochDocument | undefined> {
    const { sql } = this.#options;
    const settled = await settledJobs(sql);
    const since = [epoch, (await lastEpoch(sql))?.epoch, await countVerdicts(sql)];
    const key = [...since, ...settled.map(({ job }) => job)].join(" ");
    if (this.#draft?.key !== key)
      this.#draft = { key, document: draftEpoch({ ...this.#options, documents: this.documents }, epoch) };
    try {
      return await this.#draft.document;
    } catch (error) {
      this.#draft = undefined;
      throw error;
    }
  }

  async #watch(): Promise<void> {
    const { clock, log, ending } = this.#options;
    const { signal } = ending;
    while (!signal.aborted) {
      try {
        await this.#close();
        for (const pool of POOLS) await this.#bringOn(pool);
        await this.#claims.follow();
        await clock.sleep(LOOK_MS, { signal }).catch(() => undefined); // ending
      } catch (error) {
        if (signal.aborted) return;
        log.error("emission_stalled", { why: isFault(error) ? error.message : whyOf(error) });
        await clock.sleep(RETRY_MS, { signal }).catch(() => undefined); // ending
      }
    }
  }

  async #close(): Promise<void> {
    const { chain, sql, log } = this.#options;
    if ((await settledJobs(sql)).length === 0) return;
    const ended = endedBy(await chain.terms(), await chain.nowUnixS());
    const last = (await lastEpoch(sql))?.epoch ?? 0;
    if (ended <= last) return;
    const closed = await closeEpoch({ ...this.#options, documents: this.documents }, ended);
    if (closed) log.info("epoch_closed", { epoch: closed.epoch, document: closed.document });
  }

  async #bringOn(pool: Pool): Promise<void> {
    const { chain, sql, clock, log } = this.#options;
    const rows = await rootsOfPool(sql, pool);
    const [newest] = rows;
    if (newest === undefined || newest.isSeen) return;
    const view = await chain.view(pool);
    for (const row of rows) {
      if (row.isSeen || !isShown(view, row)) continue;
      await setRootSeen(sql, row);
      log.info("root_posted", { pool, epoch: row.epoch, root: row.root });
      if (row === newest) return;
    }
    const why = whyNot(view, await rootsOfPool(sql, pool));
    if (why !== undefined) return this.#tellHeldUp(newest, why);
    const { epoch, root, totalNano } = newest;
    const posted = `${pool}/${epoch}`;
    const sentMs = this.#postedMs.get(posted);
    if (sentMs !== undefined && clock.monotonicMs() - sentMs < SHOWN_MS) return;
    try {
      await chain.post(pool, { epoch, root: BigInt(`0x${root}`), totalNano });
      this.#postedMs.set(posted, clock.monotonicMs());
      this.#heldUp.delete(pool);
    } catch (error) {
      // A chain that does not answer holds up everything; what this station lacks, its root alone.
      if (!isFault(error) || error.code.startsWith("CHAIN_")) throw error;
      this.#tellHeldUp(newest, error.message);
    }
  }

  #tellHeldUp({ pool, epoch }: EpochRootRow, why: string): void {
    if (why !== this.#heldUp.get(pool)) this.#options.log.warn("root_held_up", { pool, epoch, why });
    this.#heldUp.set(pool, why);
  }
}

/** How many epochs are over. */
function endedBy({ startUnixS, epochSeconds }: EpochTerms, nowUnixS: number): number {
  return Math.max(0, Math.floor((nowUnixS - startUnixS) / epochSeconds));
}

function isShown({ active, pending }: DistributorView, { epoch, root }: EpochRootRow): boolean {
  return [active, pending].some((seen) => seen?.epoch === epoch && hexOf(seen.root) === root);
}

/**
 * A root that waits is waited for. One in force that these books do not have is another's: posted on top of it, ours would take from those it gave to.
 * One that was posted and is neither waiting nor in force has fallen: somebody must look before it is posted again.
 */
function whyNot(view: DistributorView, rows: readonly EpochRootRow[]): string | undefined {
  const { active, pending } = view;
  if (pending !== null) return `the root of epoch ${pending.epoch} waits`;
  const isOurs = rows.some(({ epoch, root }) => epoch === active.epoch && root === hexOf(active.root));
  if (active.epoch > 0 && !isOurs)
    return `the root of epoch ${active.epoch} in force is not of these books; whoever posted it closes the epochs`;
  const fallen = rows.find(({ epoch, isSeen }) => isSeen && epoch > active.epoch);
  if (fallen)
    return `the root of epoch ${fallen.epoch} was challenged and fell; look into it ("pingo fog epoch check"), then post it by hand`;
  return undefined;
}

function poolView(pool: Pool, { active, pending, paidNano }: DistributorView): EmissionView["pools"][number] {
  const told = ({ epoch, root, totalNano }: DistributorView["active"]) => ({
    ...{ epoch, root: hexOf(root) },
    totalNano: totalNano.toString(),
  });
  return {
    pool,
    paidNano: paidNano.toString(),
    active: active.epoch === 0 ? null : told(active),
    waiting: pending && {
      ...told(pending),
      untilUnixS: pending.untilUnixS,
      isChallenged: pending.challenger !== null,
    },
  };
}

function hexOf(root: bigint): string {
  return root.toString(16).padStart(64, "0");
}
