/** Backward rules of the operators with a body. */
import type { ControlAttributes } from "../graph/ops/control.ts";
import { isUnrolled, type RuleFamily } from "./rule.ts";

export const controlRules: RuleFamily<keyof ControlAttributes> = {
  Scan: isUnrolled,
};
