/**
 * What a backward rule is: given a node and the gradients of its outputs, the gradients of its inputs.
 *
 * A gradient may have the shape its input was broadcast to; the differentiator sums it back. Rules stay
 * linear in dy, and emit whatever they might need: nodes nobody uses are dropped afterwards.
 */
import type { GraphNode } from "../graph/graph.ts";
import type { OpAttributes, OpKind } from "../graph/ops.ts";
import type { Emitter, Value } from "./emitter.ts";

export interface RuleContext<K extends OpKind> {
  readonly node: GraphNode<K>;
  readonly attributes: OpAttributes[K];
  readonly emit: Emitter;
  /** Input i, asserted present. */
  x(i?: number): Value;
  hasInput(i: number): boolean;
  /** How many inputs the node lists. */
  readonly arity: number;
  /** Output i; an optional one that the model left out is added to the node. */
  y(i?: number): Value;
  /** Gradient of output i; zeros where nothing depends on it. */
  dy(i?: number): Value;
  /** Whether something depends on output i. */
  isReached(i: number): boolean;
  /** Whether the gradient of input i is asked for: lets a rule skip what is costly or undefined. */
  wants(i: number): boolean;
  /** The values of input i, an integer or float constant; undefined when it is left out, trained or not a constant. */
  constant(i: number): readonly number[] | undefined;
  /** Ends in a fault that names the op, the node and this reason. */
  unsupported(why: string): never;
}

/** The input is read, but the result does not move with it: a gradient of 0 that takes no node. */
export const noInfluence = "no-influence";

/** One per input; undefined where the input has no gradient. */
export type Gradients = readonly (Value | typeof noInfluence | undefined)[];

export type Backward<K extends OpKind> = (context: RuleContext<K>) => Gradients;

/** The derivative is zero almost everywhere or the output is not a real number: nothing flows back. */
export const stopsGradient = "stops-gradient";

/** Differentiable, but we have no rule yet: an error if a parameter reaches the loss through it. */
export const noGradient = "no-gradient";

/** Programs hold plain operators in its place: compose/ has the row that makes them, and they have the gradients. */
export const isComposed = "is-composed";

/** Programs hold its steps one after another in its place (program/unroll-scans.ts), and they have the gradients. */
export const isUnrolled = "is-unrolled";

export type BackwardRule<K extends OpKind> =
  | Backward<K>
  | typeof stopsGradient
  | typeof noGradient
  | typeof isComposed
  | typeof isUnrolled;

/** The rows of a family of operators; the table in backward.ts is assembled from these. */
export type RuleFamily<K extends OpKind> = { readonly [P in K]: BackwardRule<P> };
