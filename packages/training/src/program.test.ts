import { LIMITS } from "@pingo/core";
import { expect, test } from "vitest";
import { zProgramSignature } from "./program.ts";

const signatureOf = (shape: readonly number[]): unknown => ({
  parameters: [{ name: "w", shape, kind: "trained" }],
  fields: [{ name: "label", dtype: "int64", rowShape: [] }],
  target: "label",
  batchSize: 1,
});

test("more weights than a vector may have are refused, in one axis or in many", () => {
  const side = Math.ceil(Math.sqrt(LIMITS.weightsMax));
  expect(zProgramSignature.safeParse(signatureOf([LIMITS.weightsMax])).error).toBeUndefined();
  expect(zProgramSignature.safeParse(signatureOf([LIMITS.weightsMax + 1])).success).toBe(false);
  const many = zProgramSignature.safeParse(signatureOf([side, side + 1]));
  expect(many.error?.message).toContain("it has too many weights");
});
