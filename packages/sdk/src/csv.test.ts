import { describe, expect, test } from "vitest";
import { CSV_FEATURES, parseCsv } from "./csv.ts";

test("the target column becomes labels, the others features in their order", () => {
  const tensors = parseCsv("a,label,b\r\n1,2,3.5\r\n-4,0,1e-3\r\n\r\n", "label", "t.csv");
  expect(tensors.get(CSV_FEATURES)).toEqual({
    dtype: "float32",
    shape: [2, 2],
    data: Float32Array.of(1, 3.5, -4, 1e-3),
  });
  expect(tensors.get("label")).toEqual({ dtype: "int64", shape: [2], data: BigInt64Array.of(2n, 0n) });
});

describe("a bad table is told with its line", () => {
  test.each([
    ["no target", "a,b\n1,2", "CSV_INVALID", 't.csv:1: the first line names no column "label"'],
    ["only a target", "label\n1", "CSV_INVALID", "t.csv:1: there is no column besides the target"],
    [
      "a cell short",
      "a,label\n1,2\n3",
      "CSV_INVALID",
      "t.csv:3: 1 cells where the first line names 2 columns",
    ],
    ["no number", "a,label\n1,2\nx,3", "CSV_INVALID", 't.csv:3: column "a": "x" is not a number'],
    ["an empty cell", "a,label\n,2", "CSV_INVALID", 't.csv:2: column "a": "" is not a number'],
    [
      "a label between",
      "a,label\n1,2.5",
      "CSV_INVALID",
      't.csv:2: column "label": 2.5 is not a whole number',
    ],
    ["not finite", "a,label\nInfinity,1", "CSV_INVALID", 't.csv:2: column "a": "Infinity" is not a number'],
    ["no rows", "a,label\n", "DATASET_EMPTY", "t.csv has no rows"],
    ["nothing", "", "CSV_INVALID", "t.csv:1:"],
  ])("%s", (_, text, code, sentence) => {
    expect(() => parseCsv(text, "label", "t.csv")).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(sentence) }),
    );
  });
});
