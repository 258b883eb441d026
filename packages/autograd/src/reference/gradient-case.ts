/**
 * A case folder: what PyTorch's autograd found for a model.
 *
 * case.json: {loss, tensors: [{role, name, dtype, shape, offset}]}, roles input, target (but for the loss model_output),
 * output and gradient;
 * case.bin: the elements, little-endian and row-major, each tensor at its byte offset.
 */
import { LIMITS, LOSSES, type Loss } from "@pingo/core";
import { sizeOfShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { CheckError } from "./check-fault.ts";
import type { CheckedLoss } from "./gradient-graph.ts";

export interface GradientCase {
  readonly objective: CheckedLoss;
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** By parameter. */
  readonly gradients: ReadonlyMap<string, Tensor>;
}

// SAFETY: LOSSES has a row for each.
const losses = Object.keys(LOSSES) as readonly Loss[];

/** The losses of a job file, spelled as PyTorch's functions are. */
const LOSS_BY_WORD: ReadonlyMap<unknown, Loss> = new Map(
  losses.map((loss) => [loss.replaceAll("-", "_"), loss]),
);

interface Entry {
  readonly role: string;
  readonly name: string;
  readonly tensor: Tensor;
}

/** @throws {CheckError} CASE_INVALID */
export function parseGradientCase(json: string, bytes: Uint8Array): GradientCase {
  const root = recordOf(parseJson(json), "case.json");
  const loss = LOSS_BY_WORD.get(root["loss"]);
  if (loss === undefined) throw invalid(`the loss "${String(root["loss"]).slice(0, 64)}" is not known`);
  const listed = root["tensors"];
  if (!Array.isArray(listed) || listed.length > LIMITS.modelNodesMax) throw invalid("tensors must be a list");
  const entries = listed.map((item, i) => entryOf(recordOf(item, `tensors[${i}]`), i, bytes));
  const withRole = (role: string) => entries.filter((entry) => entry.role === role);
  const [target] = withRole("target");
  if (target === undefined && loss !== "model-output") throw invalid("it has no tensor of the role target");
  const named = (role: string) => new Map(withRole(role).map(({ name, tensor }) => [name, tensor]));
  return {
    objective: { loss, ...(target && { target }) },
    inputs: named("input"),
    gradients: named("gradient"),
  };
}

function entryOf(item: Readonly<Record<string, unknown>>, i: number, bytes: Uint8Array): Entry {
  const { role, name, dtype, shape, offset } = item;
  if (typeof role !== "string" || typeof name !== "string") throw invalid(`tensors[${i}] lacks role or name`);
  const isShape =
    Array.isArray(shape) && shape.length <= LIMITS.tensorRankMax && shape.every((dim) => isCount(dim));
  if (!isShape || !isCount(offset)) throw invalid(`the shape or offset of "${name}" cannot be`);
  if (dtype !== "float32" && dtype !== "int64") throw invalid(`"${name}" must be float32 or int64`);
  const width = dtype === "float32" ? 4 : 8;
  const end = offset + sizeOfShape(shape) * width;
  if (end > bytes.byteLength)
    throw invalid(`"${name}" ends at byte ${end} of the ${bytes.byteLength} of case.bin`);
  // A copy starts on a multiple of the width; `slice` of a Buffer is none.
  const { buffer } = Uint8Array.from(bytes.subarray(offset, end));
  const data = dtype === "float32" ? new Float32Array(buffer) : new BigInt64Array(buffer);
  return { role, name, tensor: { dtype, shape, data } };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new CheckError({ code: "CASE_INVALID", why: "case.json is not JSON" }, { cause });
  }
}

function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(`${what} is no object`);
  return Object.fromEntries(Object.entries(value));
}

function invalid(why: string): CheckError {
  return new CheckError({ code: "CASE_INVALID", why });
}
