/**
 * Measures committed weights on the held-out data, in a thread of its own, while the next round runs.
 *
 * When it falls behind, the newest version waits and those between are left out; the last is always measured.
 */
import { type Evaluation, type Evaluator, startEvaluator, type Tensor } from "@pingo/autograd";
import type { Cid, Measured } from "@pingo/core";
import { type BlockReader, readManifest, readShards } from "@pingo/storage";
import type { Evaluated } from "../database/round-store.ts";
import type { JobRow } from "../database/schema.ts";
import { type LoadedJob, loadEvaluation } from "./loaded-job.ts";
import type { Version } from "./versions.ts";

export interface EvaluationOptions {
  readonly blocks: BlockReader;
  readonly program: Cid;
  readonly data: Cid;
  readonly onEvaluated: (version: number, evaluated: Evaluated) => Promise<void>;
}

/** null without held-out data. */
export function openEvaluation(
  options: Pick<EvaluationOptions, "blocks" | "onEvaluated"> & {
    readonly row: JobRow;
    readonly loaded: LoadedJob;
  },
): EvaluationQueue | null {
  const { blocks, onEvaluated, row, loaded } = options;
  const { test: data } = loaded.job.data;
  if (row.evaluationProgram === null || data === null) return null;
  return new EvaluationQueue({ blocks, program: row.evaluationProgram, data, onEvaluated });
}

interface Ready {
  readonly evaluator: Evaluator;
  readonly fields: ReadonlyMap<string, Tensor>;
}

export class EvaluationQueue implements AsyncDisposable {
  readonly #options: EvaluationOptions;
  #ready: Promise<Ready> | undefined;
  #next: Version | undefined;
  #running: Promise<void> | undefined;
  #isEnded = false;

  constructor(options: EvaluationOptions) {
    this.#options = options;
  }

  /** Opens what the first measurement needs; it hears why that failed, if it did. */
  async prepare(): Promise<void> {
    this.#ready ??= this.#open();
    await this.#ready.catch(() => undefined);
  }

  /** @returns once nothing is left to measure; rejects when a measurement failed */
  evaluate(version: Version): Promise<void> {
    this.#next = version;
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    this.#next = undefined;
    const ready = await this.#ready?.catch(() => undefined);
    await ready?.evaluator[Symbol.asyncDispose]();
  }

  async #drain(): Promise<void> {
    for (;;) {
      const next = this.#next;
      if (next === undefined || this.#isEnded) return;
      this.#next = undefined;
      this.#ready ??= this.#open();
      const { evaluator, fields } = await this.#ready;
      const { number, weights, average } = next;
      const evaluated = measuredOf(await evaluator.evaluate(average ?? weights, fields));
      // Both, so that whoever reads them sees whether the mean is worth having.
      const raw = average && measuredOf(await evaluator.evaluate(weights, fields));
      await this.#options.onEvaluated(number, raw ? { ...evaluated, raw } : evaluated);
    }
  }

  async #open(): Promise<Ready> {
    const { blocks, program, data } = this.#options;
    const fields = await readShards(blocks, await readManifest(blocks, data));
    return {
      evaluator: await startEvaluator(await loadEvaluation(blocks, program), { isTuned: true }),
      fields,
    };
  }
}

function measuredOf({ loss, accuracy }: Evaluation): Measured {
  return { loss, accuracy };
}
