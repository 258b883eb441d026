/** Finds the data set tensor for each input of the model and for the loss. */
import { assertDefined } from "@pingo/core";
import { showShape } from "../graph/fault.ts";
import type { Graph, GraphValue } from "../graph/graph.ts";
import type { DType } from "../graph/tensor.ts";
import type { ObjectiveRule } from "../objective/objective.ts";
import { ProgramError, type ProgramFault } from "./fault.ts";
import type { FieldSpec } from "./signature.ts";

export interface FieldMatch {
  readonly target: FieldSpec;
  /** By the model's input name. */
  readonly fieldByInput: ReadonlyMap<string, FieldSpec>;
  /** The batch size that the model was exported for, where it is a number. */
  readonly exportedBatch: number | undefined;
}

const INTEGERS: readonly DType[] = ["int64", "int32", "uint8", "int8"];

/** @throws {ProgramError} TARGET_MISSING, FIELD_MISSING, FIELD_MISMATCH */
export function matchFields(
  model: Graph,
  fields: readonly FieldSpec[],
  targetName: string,
  targetKind: ObjectiveRule["target"],
): FieldMatch {
  const names = fields.map((field) => field.name);
  const target = fields.find((field) => field.name === targetName);
  if (target === undefined)
    throw new ProgramError({ code: "TARGET_MISSING", target: targetName, fields: names });
  if (targetKind === "classes" && !INTEGERS.includes(target.dtype)) {
    const wants = "whole numbers (int64, int32, int8 or uint8)";
    throw mismatch(target, { input: "a loss over classes", wants, isTarget: true });
  }
  const others = fields.filter((field) => field !== target);
  const fieldByInput = new Map<string, FieldSpec>();
  let exportedBatch: number | undefined;
  for (const input of model.inputs) {
    const named = fields.find((field) => field.name === input.name);
    const field = named ?? (model.inputs.length === 1 && others.length === 1 ? others[0] : undefined);
    if (field === undefined)
      throw new ProgramError({ code: "FIELD_MISSING", input: input.name, fields: names });
    checkField(field, input);
    fieldByInput.set(input.name, field);
    const batch = assertDefined(input.type.shape[0], "checked rank");
    if (typeof batch === "number") exportedBatch = batch;
  }
  return { target, fieldByInput, exportedBatch };
}

function checkField(field: FieldSpec, input: GraphValue): void {
  const { dtype, shape } = input.type;
  const row = shape.slice(1);
  const fits =
    shape.length === field.rowShape.length + 1 &&
    row.every((dim, i) => typeof dim === "string" || dim === field.rowShape[i]);
  const isTruncated = INTEGERS.includes(dtype) && (field.dtype === "float32" || field.dtype === "float64");
  if (fits && !isTruncated) return;
  const wants = `${dtype} rows of ${showShape(row)}`;
  throw mismatch(field, { input: `the model's input "${input.name}"`, wants, isTarget: false });
}

function mismatch(
  field: FieldSpec,
  wanted: Pick<Extract<ProgramFault, { code: "FIELD_MISMATCH" }>, "input" | "wants" | "isTarget">,
): ProgramError {
  const has = `${field.dtype} rows of ${showShape(field.rowShape)}`;
  return new ProgramError({ code: "FIELD_MISMATCH", field: field.name, has, ...wanted });
}
