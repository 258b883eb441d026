import { expect, test } from "vitest";
import { playHistories } from "./history.ts";
import { channelStory, escrowStory, vestingStory } from "./payments.ts";

test.each([channelStory, escrowStory, vestingStory])(
  "100,000 histories of $name",
  { timeout: 36_000_000 },
  async (story) => {
    await expect(playHistories(story, 100_000)).resolves.toBeUndefined();
  },
);
