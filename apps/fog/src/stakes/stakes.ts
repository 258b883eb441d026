/**
 * Who is given work where a stake is asked for: what the chain says of the providers that are here, remembered for a while.
 *
 * A stake that was valid stays so while the chain cannot be asked, for a day at most: providers keep working when the chain is down, and one that
 * was slashed does not outlive the outage by much.
 */
import { type Clock, isFault, type Log, type NodeId } from "@pingo/core";
import type { Sql } from "../database/schema.ts";
import { FogError } from "../fault.ts";
import { whyOf } from "../why-of.ts";
import type { StakeChain } from "./stake-chain.ts";
import { listStakes, saveStake } from "./stake-store.ts";

export interface StakesOptions {
  readonly chain: StakeChain;
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
  /** Those who are connected. */
  readonly present: () => readonly NodeId[];
  /** A provider may be given work now, or no more. */
  readonly onChange: () => void;
  /** Aborted when this is disposed of. */
  readonly ending: AbortController;
}

/** What was valid is asked again after this long: as long as a slashed provider may still be given work. */
export const VALID_MS = 60_000;
/** What was not: whoever registers waits so long. */
export const INVALID_MS = 5_000;
export const CHAIN_DOWN_MS_MAX = 24 * 3_600_000;
const LOOK_MS = 500;

interface Known {
  readonly isValid: boolean;
  readonly checkedUnixMs: number;
}

export class Stakes implements AsyncDisposable {
  readonly #options: StakesOptions;
  readonly #knownByNode = new Map<NodeId, Known>();
  readonly #done: Promise<void>;
  /** Of the last look that failed, so that an outage is told once. */
  #isDown = false;

  private constructor(options: StakesOptions, known: readonly (Known & { readonly node: NodeId })[]) {
    this.#options = options;
    for (const { node, ...rest } of known) this.#knownByNode.set(node, rest);
    this.#done = this.#watch();
  }

  static async open(options: StakesOptions): Promise<Stakes> {
    return new Stakes(options, await listStakes(options.sql));
  }

  allows(node: NodeId): boolean {
    const known = this.#knownByNode.get(node);
    return known?.isValid === true && this.#ageMs(known) <= CHAIN_DOWN_MS_MAX;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.ending.abort(new FogError({ code: "STOPPING" }));
    await this.#done;
  }

  async #watch(): Promise<void> {
    const { clock, log, present, ending } = this.#options;
    const { signal } = ending;
    while (!signal.aborted) {
      try {
        for (const node of present()) {
          if (signal.aborted) return;
          if (this.#isDue(node)) await this.#look(node);
        }
        this.#isDown = false;
      } catch (error) {
        if (signal.aborted) return;
        if (!this.#isDown)
          log.warn("stakes_not_checked", { why: isFault(error) ? error.message : whyOf(error) });
        this.#isDown = true;
      }
      await clock.sleep(LOOK_MS, { signal }).catch(() => undefined); // ending
    }
  }

  #isDue(node: NodeId): boolean {
    const known = this.#knownByNode.get(node);
    return known === undefined || this.#ageMs(known) >= (known.isValid ? VALID_MS : INVALID_MS);
  }

  async #look(node: NodeId): Promise<void> {
    const { chain, sql, clock, log, onChange } = this.#options;
    const before = this.#knownByNode.get(node)?.isValid;
    const isValid = await chain.isStaked(node);
    const known = { isValid, checkedUnixMs: clock.nowUnixMs() };
    await saveStake(sql, { node, ...known });
    this.#knownByNode.set(node, known);
    if (isValid === before) return;
    log.info("stake_checked", { node, isValid });
    onChange();
  }

  #ageMs({ checkedUnixMs }: Known): number {
    return Math.max(0, this.#options.clock.nowUnixMs() - checkedUnixMs);
  }
}
