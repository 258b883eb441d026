/** How many cores this computer may lend at most. */
import { availableParallelism } from "node:os";
import { LIMITS } from "@pingo/core";

export function coresMax(): number {
  return Math.min(availableParallelism(), LIMITS.leasesPerProviderMax);
}
