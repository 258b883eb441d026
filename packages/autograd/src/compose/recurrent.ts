/** Recurrent layers with the batch first: ONNX Runtime has kernels for time first only. */
import type { RecurrentAttributes } from "../graph/ops/recurrent.ts";
import { at, type Value } from "../rules/emitter.ts";
import type { Composition, CompositionContext } from "./composition.ts";

type RecurrentOp = keyof RecurrentAttributes;

const STATES = [5, 6];

export const rnnComposition: Composition<"RNN"> = (context) => timeFirst("RNN", context);
export const gruComposition: Composition<"GRU"> = (context) => timeFirst("GRU", context);
export const lstmComposition: Composition<"LSTM"> = (context) => timeFirst("LSTM", context);

function timeFirst<K extends RecurrentOp>(
  op: K,
  { attributes, emit, arity, x, hasInput, makes }: CompositionContext<K>,
): (Value | undefined)[] | undefined {
  if (attributes.layout === 0) return undefined;
  const inputs = Array.from({ length: arity }, (_, i) => {
    if (!hasInput(i)) return undefined;
    return i === 0 || STATES.includes(i) ? emit.transpose(x(i), [1, 0, 2]) : x(i);
  });
  const [batch, time, hidden] = [at(x().shape, 0), at(x().shape, 1), attributes.hidden_size];
  const directions = at(x(1).shape, 0);
  const state = [directions, batch, hidden];
  const shapes = [[time, directions, batch, hidden], state, ...(op === "LSTM" ? [state] : [])];
  const made = shapes.map((shape, i) => (makes(i) ? { dtype: x().dtype, shape } : undefined));
  const values = emit.nodeOf(op, inputs, { ...attributes, layout: 0 }, made);
  return values.map((value, i) => value && emit.transpose(value, i === 0 ? [2, 0, 1, 3] : [1, 0, 2]));
}
