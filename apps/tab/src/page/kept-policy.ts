/** What the owner of the browser chose, kept for the next visit. Nothing is lent before the first choice. */
import { z } from "zod";
import type { TabPolicy } from "../lend-decision.ts";
import type { Page } from "./dom.ts";

const KEY = "pingo-lend";
const zPolicy: z.ZodType<TabPolicy> = z.object({
  isPaused: z.boolean(),
  stopsWhenHidden: z.boolean(),
  needsMains: z.boolean(),
  cores: z.int().min(1),
});

/** @param canSeePower  whether the browser tells what the computer runs on */
export function readPolicy(
  storage: Page["localStorage"],
  machine: { readonly cores: number; readonly canSeePower: boolean },
): TabPolicy {
  const first = { isPaused: true, stopsWhenHidden: false, needsMains: machine.canSeePower, cores: 1 };
  const kept = zPolicy.safeParse(parseJson(storage.getItem(KEY))).data ?? first;
  return { ...kept, cores: Math.min(kept.cores, machine.cores) };
}

export function keepPolicy(storage: Page["localStorage"], policy: TabPolicy): void {
  storage.setItem(KEY, JSON.stringify(policy));
}

function parseJson(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null; // what another version wrote
  }
}
