/** Broken models by the hundred thousand; `npm run fuzz`. */
import { expect, test } from "vitest";
import { fuzzReader } from "./fuzz/run-child.ts";

const INPUTS = 200_000;
const FIRST = 1_000_000;

test("broken models end in a coded fault, or can be read and then trained or refused", async () => {
  const { failure } = await fuzzReader(FIRST, FIRST + INPUTS);
  expect(failure).toBeUndefined();
});
