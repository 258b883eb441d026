/**
 * Accepted work done again, a share of it that falls with what came out the same (docs/adr/0023): beside everything else, in a process of its own, and
 * while jobs run for a tenth of the time of one core. What does not come out the same is refuted.
 */
import { type Clock, isFault } from "@pingo/core";
import { auditRate } from "@pingo/scheduler";
import { type RefuteOptions, refute } from "../cases/refute.ts";
import type { ResultRow, Sql } from "../database/schema.ts";
import { listUnits } from "../database/work-store.ts";
import { FogError } from "../fault.ts";
import type { Modeller } from "../jobs/modeller.ts";
import { whyOf } from "../why-of.ts";
import { auditable, historyOf, nextDrawn, saveAudit } from "./audit-store.ts";

export interface AuditsOptions extends RefuteOptions {
  readonly modeller: Pick<Modeller, "redo">;
  /** The least share of a provider's pieces, however long it came out the same. */
  readonly rateMin: number;
  /** Whether providers work here now: they and their fog node have the cores first. */
  readonly isBusy: () => boolean;
  /** Aborted when this is disposed of. */
  readonly ending: AbortController;
}

const LOOK_MS = 5_000;
const RETRY_MS = 5_000;
/** After each, while jobs run: so many times as long as it took. */
const REST_TIMES = 9;
const REST_LOOK_MS = 500;
/** Older work is left alone: its inputs are no longer sure to be here. */
const HORIZON_MS = 7 * 86_400_000;

export class Audits implements AsyncDisposable {
  readonly #options: AuditsOptions;
  readonly #done: Promise<void>;
  #rouse: () => void = () => undefined;

  constructor(options: AuditsOptions) {
    this.#options = options;
    this.#done = this.#watch();
  }

  /** Work may have counted: looked at soon, and waited for by nobody. */
  wake(): void {
    this.#rouse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.ending.abort(new FogError({ code: "STOPPING" }));
    this.#rouse();
    await this.#done;
  }

  async #watch(): Promise<void> {
    const { clock, log, ending } = this.#options;
    const { signal } = ending;
    while (!signal.aborted) {
      const roused = new AbortController();
      this.#rouse = () => roused.abort();
      const beganMs = clock.monotonicMs();
      try {
        if (await this.#auditOne()) await this.#rest(clock, REST_TIMES * (clock.monotonicMs() - beganMs));
        else await clock.sleep(LOOK_MS, { signal: roused.signal }).catch(() => undefined); // roused: there is work
      } catch (error) {
        if (signal.aborted) return;
        log.error("audits_stalled", { why: isFault(error) ? error.message : whyOf(error) });
        await clock.sleep(RETRY_MS, { signal }).catch(() => undefined); // ending
      }
    }
  }

  async #rest(clock: Clock, restMs: number): Promise<void> {
    const { isBusy, ending } = this.#options;
    const untilMs = clock.monotonicMs() + restMs;
    while (isBusy() && clock.monotonicMs() < untilMs)
      await clock.sleep(REST_LOOK_MS, { signal: ending.signal });
  }

  /** @returns whether there was one */
  async #auditOne(): Promise<boolean> {
    const { sql, clock, rateMin } = this.#options;
    const fromUnixMs = clock.nowUnixMs() - HORIZON_MS;
    for (const provider of await auditable(sql, fromUnixMs)) {
      const rate = auditRate(await historyOf(sql, provider), rateMin);
      const drawn = await nextDrawn(sql, provider, { rate, fromUnixMs });
      if (drawn === undefined) continue;
      await this.#audit(drawn, rate);
      return true;
    }
    return false;
  }

  async #audit(result: ResultRow, rate: number): Promise<void> {
    const { sql, clock, log, modeller, ending } = this.#options;
    const { lease, provider: node, job, round, index, steps, update } = result;
    const save = (to: Sql, verdict: "same" | "other" | "failed"): Promise<void> =>
      saveAudit(to, { lease, node, verdict, atUnixMs: clock.nowUnixMs() });
    const unit = (await listUnits(sql, job, round))[index];
    try {
      if (unit === undefined) return await save(sql, "failed");
      const {
        deviation,
        tolerance,
        update: reexecuted,
      } = await modeller.redo({ unit, steps, update }, ending.signal);
      if (tolerance === null) return await save(sql, "failed");
      const isSame = deviation <= tolerance;
      log.info("work_audited", { lease, node, isSame, deviation, rate });
      if (isSame) return await save(sql, "same");
      const finding = { result, reexecuted, deviation, tolerance };
      await refute(this.#options, finding, (tx) => save(tx, "other"));
    } catch (error) {
      if (ending.signal.aborted || !isFault(error)) throw error;
      // Its blocks are gone, or it does not fit here: it proves nothing.
      log.warn("work_not_audited", { lease, why: error.message });
      await save(sql, "failed");
    }
  }
}
