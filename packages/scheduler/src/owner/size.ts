/** How much of the computer is lent at most, whatever the policy would allow: the owner may change it at any time. */
import { formatBytes, LIMITS } from "@pingo/core";
import { z } from "zod";

/** Null sets no limit of its own. */
export interface OwnerSize {
  readonly millicores: number | null;
  readonly memoryBytes: number | null;
  readonly diskBytes: number | null;
}

export const ANY_SIZE: OwnerSize = { millicores: null, memoryBytes: null, diskBytes: null };
/** A worker cannot live in less, so less is not lent. */
export const MEMORY_LENT_BYTES_MIN = 128 * 2 ** 20;
/** A core's tenth: below it a unit would not end within its deadline. */
export const SIZE_MILLICORES_MIN = 100;
/** One large model with its data: a cache that holds less fetches the same blocks over and over. */
export const SIZE_DISK_BYTES_MIN = 64 * 2 ** 20;

const CORES_MAX = LIMITS.leasesPerProviderMax;

/** A sentence of its own: what was written is in units that the schema does not see. */
const zAtLeast = (min: number, text: string) =>
  z.int().refine((value) => value >= min, { error: `less than ${text} is not lent` });
export const zSizeMillicores = zAtLeast(SIZE_MILLICORES_MIN, "a tenth of a core").refine(
  (millicores) => millicores <= CORES_MAX * 1_000,
  { error: `more than ${CORES_MAX} cores are not lent` },
);
export const zSizeMemory = zAtLeast(MEMORY_LENT_BYTES_MIN, formatBytes(MEMORY_LENT_BYTES_MIN));
export const zSizeDisk = zAtLeast(SIZE_DISK_BYTES_MIN, formatBytes(SIZE_DISK_BYTES_MIN));

export const zOwnerSize: z.ZodType<OwnerSize> = z.strictObject({
  millicores: zSizeMillicores.nullable(),
  memoryBytes: zSizeMemory.nullable(),
  diskBytes: zSizeDisk.nullable(),
});

/** Both hold. */
export function leastSize(a: OwnerSize, b: OwnerSize): OwnerSize {
  return {
    millicores: least(a.millicores, b.millicores),
    memoryBytes: least(a.memoryBytes, b.memoryBytes),
    diskBytes: least(a.diskBytes, b.diskBytes),
  };
}

function least(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}
