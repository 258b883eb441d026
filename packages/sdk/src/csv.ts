/**
 * A table of numbers as tensors: the target column, and every other column as one float32 tensor.
 *
 * The first line names the columns. Cells are plain numbers; quoting has no use among numbers.
 */
import type { Tensor } from "@pingo/autograd";
import { LIMITS } from "@pingo/core";
import { PackError } from "./pack-error.ts";

/** The tensor that holds the columns other than the target. */
export const CSV_FEATURES = "features";

/**
 * @returns `features` f32[rows, columns - 1] and the target int64[rows]
 * @throws {PackError} CSV_INVALID with the line, DATASET_EMPTY
 */
export function parseCsv(text: string, target: string, path: string): ReadonlyMap<string, Tensor> {
  const lines = text.split(/\r?\n/);
  while (lines.at(-1)?.trim() === "") lines.pop();
  const columns = (lines.shift() ?? "").split(",").map((name) => name.trim());
  const targetAt = columns.indexOf(target);
  if (targetAt < 0) {
    throw invalid(
      path,
      1,
      `the first line names no column "${target}"; it names ${columns.slice(0, 8).join(", ")}`,
    );
  }
  if (columns.length < 2) throw invalid(path, 1, "there is no column besides the target");
  if (lines.length === 0) throw new PackError({ code: "DATASET_EMPTY", path });
  if (lines.length * columns.length > LIMITS.tensorElementsMax)
    throw invalid(path, 1, "the table is too large");
  const features = new Float32Array(lines.length * (columns.length - 1));
  const labels = new BigInt64Array(lines.length);
  let at = 0;
  lines.forEach((line, row) => {
    const cells = line.split(",");
    if (cells.length !== columns.length) {
      throw invalid(
        path,
        row + 2,
        `${cells.length} cells where the first line names ${columns.length} columns`,
      );
    }
    cells.forEach((cell, column) => {
      const number = cell.trim() === "" ? Number.NaN : Number(cell);
      const place = `column "${columns[column] ?? ""}"`;
      if (!Number.isFinite(number))
        throw invalid(path, row + 2, `${place}: "${cell.trim().slice(0, 40)}" is not a number`);
      if (column !== targetAt) features[at++] = number;
      else if (Number.isSafeInteger(number)) labels[row] = BigInt(number);
      else throw invalid(path, row + 2, `${place}: ${number} is not a whole number, as a label is`);
    });
  });
  return new Map<string, Tensor>([
    [CSV_FEATURES, { dtype: "float32", shape: [lines.length, columns.length - 1], data: features }],
    [target, { dtype: "int64", shape: [lines.length], data: labels }],
  ]);
}

function invalid(path: string, line: number, why: string): PackError {
  return new PackError({ code: "CSV_INVALID", path, line, why });
}
