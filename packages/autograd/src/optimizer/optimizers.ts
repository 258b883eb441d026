/** The optimizers by name. */
import {
  assert,
  EXPECTED_OPTIMIZERS,
  OPTIMIZER_KINDS,
  type Optimizer,
  type OptimizerKind,
  type OptimizerSettings,
} from "@pingo/core";
import { adamW } from "./adamw.ts";
import { type Ema, withEma } from "./ema.ts";
import { lion } from "./lion.ts";
import { muon } from "./muon.ts";
import type { OptimizerRule } from "./rule.ts";
import { sgd } from "./sgd.ts";

const OPTIMIZERS: { readonly [K in OptimizerKind]: (settings: OptimizerSettings[K]) => OptimizerRule } = {
  adamw: adamW,
  sgd,
  lion,
  muon,
};

export function optimizerRule(optimizer: Optimizer, ema?: Ema): OptimizerRule {
  const [rule] = OPTIMIZER_KINDS.flatMap((kind) => bind(kind, optimizer[kind]));
  assert(rule !== undefined, EXPECTED_OPTIMIZERS);
  return ema === undefined ? rule : withEma(rule, ema);
}

function bind<K extends OptimizerKind>(kind: K, settings: OptimizerSettings[K] | undefined): OptimizerRule[] {
  return settings === undefined ? [] : [OPTIMIZERS[kind](settings)];
}
