/** Scan: a body run once per step, states handed on. */
import type { Evaluations } from "./step.ts";
import { flatOf, indexOf, isReals, type ReferenceValue, reals, take, wholes } from "./value.ts";

export const controlEvaluations: Evaluations<"Scan"> = {
  Scan: (step) => {
    const { attributes } = step;
    const inputs = step.all();
    const stateCount = inputs.length - attributes.num_scan_inputs;
    let states = inputs.slice(0, stateCount);
    const sequences = inputs.slice(stateCount);
    const inputAxis = (i: number) =>
      step.axis(attributes.scan_input_axes?.[i] ?? 0, sequences[i]!.shape.length);
    const steps = sequences[0]?.shape[inputAxis(0)] ?? 0;
    const collected: ReferenceValue[][] = step.node.outputs.slice(stateCount).map(() => []);
    for (let t = 0; t < steps; t++) {
      const rows = sequences.map((sequence, i) =>
        row(sequence, inputAxis(i), attributes.scan_input_directions?.[i] === 1 ? steps - 1 - t : t),
      );
      const results = step.scope.evaluateBody(attributes.body, [...states, ...rows]);
      states = results.slice(0, stateCount);
      for (const [i, result] of results.slice(stateCount).entries()) collected[i]!.push(result);
    }
    const stacked = collected.map((parts, i) => {
      const shape = step.shape(stateCount + i);
      const axis = step.axis(attributes.scan_output_axes?.[i] ?? 0, shape.length);
      return stack(attributes.scan_output_directions?.[i] === 1 ? parts.reverse() : parts, shape, axis);
    });
    return [...states, ...stacked];
  },
};

function row(sequence: ReferenceValue, axis: number, at: number): ReferenceValue {
  const shape = sequence.shape.toSpliced(axis, 1);
  return take(sequence, shape, (flat) => flatOf(indexOf(flat, shape).toSpliced(axis, 0, at), sequence.shape));
}

function stack(parts: readonly ReferenceValue[], shape: readonly number[], axis: number): ReferenceValue {
  const first = parts[0]!;
  const pick = (flat: number): number | bigint => {
    const index = indexOf(flat, shape);
    return parts[index[axis]!]!.data[flatOf(index.toSpliced(axis, 1), first.shape)]!;
  };
  if (isReals(first)) return reals(first.dtype, shape, (flat) => Number(pick(flat)));
  return wholes(first.dtype, shape, (flat) => BigInt(pick(flat)));
}
