/** Random legal nodes of every operator; for tests that compare the engine with ONNX Runtime. */
import { OPS, type OpKind } from "../ops.ts";
import { attentionCases } from "./op-cases/attention.ts";
import { controlCases } from "./op-cases/control.ts";
import { convolutionCases } from "./op-cases/convolution.ts";
import { Draw, type OpCase, type OpCases } from "./op-cases/draw.ts";
import { elementwiseCases } from "./op-cases/elementwise.ts";
import { indexingCases } from "./op-cases/indexing.ts";
import { linalgCases } from "./op-cases/linalg.ts";
import { lossCases } from "./op-cases/loss.ts";
import { movementCases } from "./op-cases/movement.ts";
import { normalizationCases } from "./op-cases/normalization.ts";
import { poolingCases } from "./op-cases/pooling.ts";
import { recurrentCases } from "./op-cases/recurrent.ts";
import { reductionCases } from "./op-cases/reduction.ts";
import { samplingCases } from "./op-cases/sampling.ts";

const OP_CASES: OpCases<OpKind> = {
  ...elementwiseCases,
  ...reductionCases,
  ...linalgCases,
  ...convolutionCases,
  ...poolingCases,
  ...normalizationCases,
  ...recurrentCases,
  ...attentionCases,
  ...lossCases,
  ...samplingCases,
  ...movementCases,
  ...indexingCases,
  ...controlCases,
};

export const OP_KINDS = Object.keys(OPS).filter((name): name is OpKind => Object.hasOwn(OP_CASES, name));

export function drawCase(op: OpKind, seed: number): OpCase {
  return OP_CASES[op](new Draw(seed));
}
