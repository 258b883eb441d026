/** Checks a dataset's tensors against what a program wants, before ONNX Runtime sees them. */
import type { Tensor } from "../graph/tensor.ts";
import type { FieldSpec, ProgramSignature } from "../program/signature.ts";
import { sizeOf } from "./parameters.ts";
import { RuntimeError } from "./runtime-error.ts";

/**
 * The number of rows; extra tensors are left alone.
 *
 * @throws {RuntimeError} FIELD_MISMATCH
 */
export function checkFields(signature: ProgramSignature, fields: ReadonlyMap<string, Tensor>): number {
  let rows: number | undefined;
  for (const spec of signature.fields) {
    const found = rowsOf(spec, fields.get(spec.name));
    if (rows !== undefined && found !== rows) {
      throw mismatch(spec.name, `it has ${found} rows where the tensors before it have ${rows}`);
    }
    rows = found;
  }
  return rows ?? 0;
}

function rowsOf(spec: FieldSpec, tensor: Tensor | undefined): number {
  if (!tensor) throw mismatch(spec.name, "it is missing");
  if (tensor.dtype !== spec.dtype) {
    throw mismatch(spec.name, `it is ${tensor.dtype}; the program was built for ${spec.dtype}`);
  }
  const [rows, ...rowShape] = tensor.shape;
  if (rows === undefined || rowShape.join() !== spec.rowShape.join()) {
    throw mismatch(
      spec.name,
      `its shape is [${tensor.shape.join(", ")}]; the program was built for [${["rows", ...spec.rowShape].join(", ")}]`,
    );
  }
  if (tensor.data.length !== rows * sizeOf(rowShape)) {
    throw mismatch(spec.name, `it holds ${tensor.data.length} numbers, not ${rows * sizeOf(rowShape)}`);
  }
  return rows;
}

function mismatch(field: string, why: string): RuntimeError {
  return new RuntimeError({ code: "FIELD_MISMATCH", field, why });
}
