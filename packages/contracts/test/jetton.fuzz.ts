import fc from "fast-check";
import { test } from "vitest";
import { arbCommands, startHistory } from "./jetton-sequences.ts";

test("100,000 histories of PINGO keep its supply", { timeout: 3_600_000 }, async () => {
  const history = await startHistory();
  await fc.assert(
    fc.asyncProperty(arbCommands, async (commands) => await history.play(commands)),
    { numRuns: 100_000 },
  );
});
