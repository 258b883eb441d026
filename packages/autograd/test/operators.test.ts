/**
 * docs/reference/operators.md is written from the tables of the code; it is stale when this fails.
 * To write it anew: npx vitest run --project unit packages/autograd/test/operators.test.ts -u
 */
import { existsSync } from "node:fs";
import { LIMITS } from "@pingo/core";
import { describe, expect, test } from "vitest";
import { isOpKind, OPS, type OpKind } from "../src/graph/ops.ts";
import { GUARDED_TURNS_MAX } from "../src/onnx/inline-loop.ts";
import { OPSET_NOTES } from "../src/onnx/lift.ts";
import { loweredOperators } from "../src/onnx/lowering/lowerings.ts";
import { OPSET_MAX, OPSET_MIN } from "../src/onnx/reader.ts";
import { BACKWARD } from "../src/rules/backward.ts";
import { GRADIENT_FORMS } from "../src/rules/gradient-forms.ts";
import { isComposed, isUnrolled, noGradient, stopsGradient } from "../src/rules/rule.ts";
import { attentionCases } from "./gradients/cases/attention.ts";
import { controlCases } from "./gradients/cases/control.ts";
import { convolutionCases } from "./gradients/cases/convolution.ts";
import { elementwiseCases } from "./gradients/cases/elementwise.ts";
import { indexingCases } from "./gradients/cases/indexing.ts";
import { linalgCases } from "./gradients/cases/linalg.ts";
import { lossCases } from "./gradients/cases/loss.ts";
import { movementCases } from "./gradients/cases/movement.ts";
import { normalizationCases } from "./gradients/cases/normalization.ts";
import { poolingCases } from "./gradients/cases/pooling.ts";
import { recurrentCases } from "./gradients/cases/recurrent.ts";
import { reductionCases } from "./gradients/cases/reduction.ts";
import { samplingCases } from "./gradients/cases/sampling.ts";

const CASES_BY_FILE: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "gradients/cases/attention.ts": attentionCases,
  "gradients/cases/control.ts": controlCases,
  "gradients/cases/convolution.ts": convolutionCases,
  "gradients/cases/elementwise.ts": elementwiseCases,
  "gradients/cases/indexing.ts": indexingCases,
  "gradients/cases/linalg.ts": linalgCases,
  "gradients/cases/loss.ts": lossCases,
  "gradients/cases/movement.ts": movementCases,
  "gradients/cases/normalization.ts": normalizationCases,
  "gradients/cases/pooling.ts": poolingCases,
  "gradients/cases/recurrent.ts": recurrentCases,
  "gradients/cases/reduction.ts": reductionCases,
  "gradients/cases/sampling.ts": samplingCases,
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

/** Where its cases are drawn. */
function fileOf(op: OpKind): string {
  const found = Object.entries(CASES_BY_FILE).find(([, cases]) => typeof cases[op] === "function");
  if (found === undefined) throw new Error(`no file draws cases of ${op}`);
  return found[0];
}

function row(op: OpKind): string {
  const form = GRADIENT_FORMS[op];
  const cases = hasGradient(op) ? fileOf(op) : "—";
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

- If: the branch it takes, where its condition is known before the run. Else both branches are computed and a Where picks from
  what they make; the one not taken is given ones and zeros, so that nothing in it fails. Both must make the same types and shapes, and
  none may hold a BatchNormalization, whose statistics would count what is not there; else it is refused by name.
- Loop: its body, turn after turn, where the turns are known: a number that is a constant or follows from sizes, or a condition that
  depends on the turn alone. Where a condition ends it while it runs, all turns that there can be are computed, at most ${GUARDED_TURNS_MAX}, and
  each is kept while the loop still turns. One without such a bound, or that collects a list as long as it turns, is refused by name.
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

  test("every file that a row names is there", () => {
    const files = kinds.filter(hasGradient).map(fileOf);
    expect(files.filter((file) => !existsSync(new URL(file, import.meta.url)))).toEqual([]);
  });

  test("docs/reference/operators.md is what the code says", async () => {
    await expect(table()).toMatchFileSnapshot("../../../docs/reference/operators.md");
  });
});
