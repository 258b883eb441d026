/** `npm run fuzz`: ten thousand histories of each contract, with those of PINGO itself a hundred thousand in all. */
import { expect, test } from "vitest";
import { playHistories, type Story } from "./history.ts";

export const FUZZ_HISTORIES = 10_000;
/** A machine that is slower than ours has not failed. */
export const FUZZ_TIMEOUT_MS = 6 * 3_600_000;

/** A new seed each time; what breaks a promise is told with its seed. */
export function fuzz(...stories: readonly Story[]): void {
  test.each(stories)(`${FUZZ_HISTORIES} histories of $name`, { timeout: FUZZ_TIMEOUT_MS }, async (story) => {
    await expect(playHistories(story, FUZZ_HISTORIES)).resolves.toBeUndefined();
  });
}
