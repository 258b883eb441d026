import fc from "fast-check";
import { test } from "vitest";
import { arbGame, checkGame } from "./testing/round-game.ts";

test("whatever happens in a round, its invariants hold: 5,000 games", () => {
  fc.assert(fc.property(arbGame, checkGame), { numRuns: 5_000 });
});
