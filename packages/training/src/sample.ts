/**
 * The rows of a unit's batches: epochs of all its rows, each in an order of its own, cut into batches.
 *
 * A batch may reach over the end of an epoch, so every row comes up equally often. Integers only: one
 * seed draws the same batches on every machine.
 */
import { assert, createPrng, permutation } from "@pingo/core";

export interface Sampler {
  /** i64[steps, batchSize], row by row; each call goes on where the last one ended. */
  draw(steps: number): BigInt64Array;
}

export function createSampler(options: {
  readonly rows: number;
  readonly batchSize: number;
  readonly seed: number;
}): Sampler {
  const { rows, batchSize, seed } = options;
  assert(rows > 0 && batchSize > 0, `cannot draw batches of ${batchSize} from ${rows} rows`);
  const prng = createPrng(seed);
  let epoch = permutation(rows, prng);
  let at = 0;
  return {
    draw(steps) {
      const indices = new BigInt64Array(steps * batchSize);
      for (let i = 0; i < indices.length; i++) {
        if (at === rows) {
          epoch = permutation(rows, prng);
          at = 0;
        }
        indices[i] = BigInt(epoch[at++] ?? 0);
      }
      return indices;
    },
  };
}
