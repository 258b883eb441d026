/** Random instances of every operator; one without a gradient says so, as in rules/backward.ts. */
import type { OpKind } from "../../src/graph/ops.ts";
import { attentionCases } from "./cases/attention.ts";
import { controlCases } from "./cases/control.ts";
import { convolutionCases } from "./cases/convolution.ts";
import { elementwiseCases } from "./cases/elementwise.ts";
import { indexingCases } from "./cases/indexing.ts";
import { linalgCases } from "./cases/linalg.ts";
import { lossCases } from "./cases/loss.ts";
import { movementCases } from "./cases/movement.ts";
import { normalizationCases } from "./cases/normalization.ts";
import { poolingCases } from "./cases/pooling.ts";
import { recurrentCases } from "./cases/recurrent.ts";
import { reductionCases } from "./cases/reduction.ts";
import { samplingCases } from "./cases/sampling.ts";
import type { GradientCases } from "./check.ts";

export const CASES: GradientCases<OpKind> = {
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
