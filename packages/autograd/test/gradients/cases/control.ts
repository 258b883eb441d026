/** Gradient cases of: operators with a body. */
import type { ControlAttributes } from "../../../src/graph/ops/control.ts";
import { noGradient } from "../../../src/rules/rule.ts";
import type { GradientCases } from "../check.ts";

export const controlCases: GradientCases<keyof ControlAttributes> = {
  Scan: noGradient,
};
