import { expect, test } from "vitest";
import { distributorStory, stakeStory } from "./emission.ts";
import { playHistories } from "./history.ts";

test.each([distributorStory, stakeStory])(
  "100,000 histories of $name",
  { timeout: 36_000_000 },
  async (story) => {
    await expect(playHistories(story, 100_000)).resolves.toBeUndefined();
  },
);
