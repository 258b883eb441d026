/**
 * What a composition is: given a node, plain nodes that compute the same.
 *
 * All sizes are known when it runs. What it emits has gradients of its own, and reaches operators that any ONNX
 * Runtime has a kernel for.
 */
import type { OpAttributes, OpKind } from "../graph/ops.ts";
import type { Emitter, Value } from "../rules/emitter.ts";

export interface CompositionContext<K extends OpKind> {
  readonly attributes: OpAttributes[K];
  readonly emit: Emitter;
  /** Input i, asserted present. */
  x(i?: number): Value;
  hasInput(i: number): boolean;
  /** How many inputs the node lists. */
  readonly arity: number;
  /** Whether the model reads output i. */
  makes(i: number): boolean;
  /** The shape of output i. */
  shape(i?: number): readonly number[];
  /** The values of input i, a constant that no step moves; undefined when it is left out or not such a constant. */
  constant(i: number): readonly number[] | undefined;
}

/** The values of the outputs, undefined where the model leaves one out; no list where the node stays as it is. */
export type Composition<K extends OpKind> = (
  context: CompositionContext<K>,
) => readonly (Value | undefined)[] | undefined;
