import { expect, test } from "vitest";
import { playHistories } from "./histories/history.ts";
import { STORIES } from "./histories/stories.ts";

test.each(STORIES)(
  "no history of $name makes tokens appear, vanish or stick, whatever is cut, returned, repeated or late",
  { timeout: 120_000 },
  async (story) => {
    await expect(playHistories(story, 40)).resolves.toBeUndefined();
  },
);
