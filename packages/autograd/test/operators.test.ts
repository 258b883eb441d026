/**
 * docs/reference/operators.md is written from the tables of the code; it is stale when this fails.
 * To write it anew: npx vitest run --project unit packages/autograd/test/operators.test.ts -u
 */
import { LIMITS } from "@pingo/core";
import { describe, expect, test } from "vitest";
import { controlOps } from "../src/graph/ops/control.ts";
import { convolutionOps } from "../src/graph/ops/convolution.ts";
import { elementwiseOps } from "../src/graph/ops/elementwise.ts";
import { indexingOps } from "../src/graph/ops/indexing.ts";
import { linalgOps } from "../src/graph/ops/linalg.ts";
import { movementOps } from "../src/graph/ops/movement.ts";
import { normalizationOps } from "../src/graph/ops/normalization.ts";
import { poolingOps } from "../src/graph/ops/pooling.ts";
import { reductionOps } from "../src/graph/ops/reduction.ts";
import { isOpKind, OPS, type OpKind } from "../src/graph/ops.ts";
import { OPSET_NOTES } from "../src/onnx/lift.ts";
import { loweredOperators } from "../src/onnx/lowering/lowerings.ts";
import { OPSET_MAX, OPSET_MIN } from "../src/onnx/reader.ts";
import { BACKWARD } from "../src/rules/backward.ts";
import { GRADIENT_FORMS } from "../src/rules/gradient-forms.ts";
import { isComposed, isUnrolled, noGradient, stopsGradient } from "../src/rules/rule.ts";

const FAMILIES: Readonly<Record<string, object>> = {
  control: controlOps,
  convolution: convolutionOps,
  elementwise: elementwiseOps,
  indexing: indexingOps,
  linalg: linalgOps,
  movement: movementOps,
  normalization: normalizationOps,
  pooling: poolingOps,
  reduction: reductionOps,
};

const kinds = Object.keys(OPS)
  .filter(isOpKind)
  .sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));

const SHOWN: Readonly<Record<string, string>> = {
  [stopsGradient]: "0 almost everywhere, or no real numbers: nothing flows back",
  [noGradient]: "none: refused by name where a parameter reaches the loss through it",
  [isComposed]: "composed of plain operators, which have theirs",
  [isUnrolled]: "written out step by step when a program is built; the steps have theirs",
};

const hasGradient = (op: OpKind) => BACKWARD[op] !== stopsGradient && BACKWARD[op] !== noGradient;

function row(op: OpKind): string {
  const form = GRADIENT_FORMS[op];
  const family = Object.entries(FAMILIES).find(([, ops]) => Object.hasOwn(ops, op))?.[0] ?? "others";
  const cases = hasGradient(op) ? `gradients/cases/${family}.ts` : "—";
  return `| ${op} | ${OPSET_NOTES.get(op) ?? ""} | ${(SHOWN[form] ?? form).replaceAll("|", "\\|")} | ${cases} |`;
}

function table(): string {
  const withGradient = kinds.filter(hasGradient).length;
  const lowered = [...loweredOperators()].filter(([, ops]) => ops.length > 0);
  return `# Operators

Written from the code by packages/autograd/test/operators.test.ts; do not edit.

The engine reads ${kinds.length} operators of ONNX, opsets ${OPSET_MIN} to ${OPSET_MAX}; ${withGradient} of them have a gradient. Each
gradient is checked in every form that the cases of its row draw: against central differences of the float64 evaluator
(relative error at most 1e-5), and in ONNX Runtime, native and WebAssembly, against the same evaluator (1e-4). The
files of the last column are in packages/autograd/test.

| operator | opsets | gradient | cases |
|---|---|---|---|
${kinds.map(row).join("\n")}

## Written out when a model is read

- If, where its condition is known before the run: the branch it takes. Any other is refused by name.
- Loop, where its turns are: a number that is a constant or follows from sizes, or a condition that depends on the turn alone. Its
  body is written out turn after turn. Any other is refused by name.
- Functions that the model defines, in any domain, up to ${LIMITS.modelFunctionDepthMax} deep.
- float16 and bfloat16, wherever they stand, are float32. A trained model's inputs, outputs and weights are written as they were.

What is written out counts against the ${LIMITS.modelNodesMax.toLocaleString("en")} nodes that a model may have.

## Read as plain operators

Operators outside the ONNX standard that are taken apart when a model is read:

${lowered.map(([domain, ops]) => `- ${domain}: ${[...ops].sort().join(", ")}`).join("\n")}
`;
}

describe("the reference of operators", () => {
  test("a gradient's form says what kind of rule it is", () => {
    const kindOf = (one: unknown) =>
      one === stopsGradient || one === noGradient || one === isComposed || one === isUnrolled
        ? one
        : "a rule";
    expect(kinds.filter((op) => kindOf(GRADIENT_FORMS[op]) !== kindOf(BACKWARD[op]))).toEqual([]);
  });

  test("docs/reference/operators.md is what the code says", async () => {
    await expect(table()).toMatchFileSnapshot("../../../docs/reference/operators.md");
  });
});
