import fc from "fast-check";
import { test } from "vitest";
import { FUZZ_HISTORIES, FUZZ_TIMEOUT_MS } from "./histories/fuzz.ts";
import { arbCommands, startHistory } from "./jetton-sequences.ts";

test(`${FUZZ_HISTORIES} histories of PINGO keep its supply`, { timeout: FUZZ_TIMEOUT_MS }, async () => {
  const history = await startHistory();
  await fc.assert(
    fc.asyncProperty(arbCommands, async (commands) => await history.play(commands)),
    { numRuns: FUZZ_HISTORIES },
  );
});
