/** What this browser has done, kept in its own database: only a count, so it begins anew where it cannot be read. */
import type { Disk } from "@pingo/core";
import type { UnitOutcome } from "@pingo/lending";
import { z } from "zod";
import type { TabTally } from "../protocol.ts";

export interface Tally {
  readonly done: TabTally;
  add(outcome: Pick<UnitOutcome, "steps" | "rows" | "cpuMs">): Promise<void>;
  /** A result was taken by the fog node. */
  readonly acknowledge: () => void;
}

type Kept = Omit<TabTally, "acknowledged">;

const PATH = "tally";
const zKept: z.ZodType<Kept> = z.object({
  units: z.int().nonnegative(),
  steps: z.int().nonnegative(),
  rows: z.int().nonnegative(),
  ms: z.number().nonnegative(),
});
const NONE: Kept = { units: 0, steps: 0, rows: 0, ms: 0 };

export async function openTally(disk: Disk): Promise<Tally> {
  let kept = parseKept(await disk.read(PATH));
  let acknowledged = 0;
  return {
    get done() {
      return { ...kept, acknowledged };
    },
    async add({ steps, rows, cpuMs }) {
      kept = {
        units: kept.units + 1,
        steps: kept.steps + steps,
        rows: kept.rows + rows,
        ms: kept.ms + cpuMs,
      };
      await disk.write(PATH, new TextEncoder().encode(JSON.stringify(kept)));
    },
    acknowledge: () => {
      acknowledged += 1;
    },
  };
}

function parseKept(bytes: Uint8Array | undefined): Kept {
  if (bytes === undefined) return NONE;
  try {
    return zKept.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data ?? NONE;
  } catch {
    return NONE;
  }
}
