/** The backward rule of every operator: an operator without a row does not compile. */
import type { OpKind } from "../graph/ops.ts";
import { composedRules } from "./composed.ts";
import { controlRules } from "./control.ts";
import { convolutionRules } from "./convolution.ts";
import { curveRules } from "./curves.ts";
import { broadcastRules, unaryRules } from "./elementwise.ts";
import { indexingRules } from "./indexing.ts";
import { linalgRules } from "./linalg.ts";
import { movementRules } from "./movement.ts";
import { normalizationRules } from "./normalization.ts";
import { poolingRules } from "./pooling.ts";
import { recurrentRules } from "./recurrent/cells.ts";
import { reductionRules } from "./reduction.ts";
import type { BackwardRule } from "./rule.ts";
import { samplingRules } from "./sampling.ts";

export const BACKWARD: { readonly [K in OpKind]: BackwardRule<K> } = {
  ...unaryRules,
  ...curveRules,
  ...broadcastRules,
  ...reductionRules,
  ...linalgRules,
  ...convolutionRules,
  ...poolingRules,
  ...normalizationRules,
  ...recurrentRules,
  ...composedRules,
  ...samplingRules,
  ...movementRules,
  ...indexingRules,
  ...controlRules,
};
