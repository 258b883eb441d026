/** A train program as the network stores it: the graph by CID, and the signature that says what its tensors mean. */
import type { ParameterSpec, ProgramSignature } from "@pingo/autograd";
import { type Cid, LIMITS, zCid, zDatasetField } from "@pingo/core";
import { z } from "zod";

export interface StoredProgram {
  readonly kind: "pingo/program/v1";
  /** UnixFS file: the train program's ONNX bytes. */
  readonly graph: Cid;
  readonly signature: ProgramSignature;
}

const zParameter: z.ZodType<ParameterSpec> = z.strictObject({
  name: z.string().min(1).max(1_024),
  shape: z.array(z.int().min(0).max(LIMITS.weightsMax)).max(LIMITS.tensorRankMax),
  kind: z.enum(["trained", "statistic"]),
  slots: z
    .array(z.string().regex(/^[a-z]{1,16}$/))
    .max(8)
    .exactOptional(),
});

export const zProgramSignature: z.ZodType<ProgramSignature> = z
  .strictObject({
    parameters: z.array(zParameter).min(1).max(LIMITS.modelNodesMax),
    fields: z.array(zDatasetField).min(1).max(64),
    target: z.string().min(1).max(256),
    batchSize: z.int().min(1).max(LIMITS.batchSizeMax),
  })
  .refine((signature) => weightsLength(signature) <= LIMITS.weightsMax, "it has too many weights")
  .refine(
    ({ fields, target }) => fields.some(({ name }) => name === target),
    "the target is none of its fields",
  );

export const zStoredProgram: z.ZodType<StoredProgram> = z.strictObject({
  kind: z.literal("pingo/program/v1"),
  graph: zCid,
  signature: zProgramSignature,
});

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/** Numbers in the flat weights vector. */
export function weightsLength(signature: ProgramSignature): number {
  return signature.parameters.reduce((length, { shape }) => length + elementsOf(shape), 0);
}

export interface ParameterSpan extends ParameterSpec {
  readonly from: number;
  readonly to: number;
}

/** Where each parameter lies in the flat vector. */
export function spansOf(signature: ProgramSignature): readonly ParameterSpan[] {
  let at = 0;
  return signature.parameters.map((parameter) => {
    const from = at;
    at += elementsOf(parameter.shape);
    return { ...parameter, from, to: at };
  });
}
