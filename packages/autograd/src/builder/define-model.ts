/**
 * Models defined in TypeScript.
 *
 *     const model = defineModel(
 *       { name: "digits", seed: 1, inputs: { image: { dtype: "float32", shape: ["batch", 1, 28, 28] } } },
 *       (b, { image }) => ({ logits: b.linear(b.flatten(image), { outFeatures: 10 }) }),
 *     );
 *     await disk.write("digits.onnx", writeModel(model));
 */
import type { Graph } from "../graph/graph.ts";
import type { TensorType } from "../graph/tensor.ts";
import { verifyGraph } from "../graph/verify.ts";
import type { Value } from "./graph-builder.ts";
import { createModelBuilder, type ModelBuilder } from "./model-builder.ts";

export interface ModelOptions<I extends Readonly<Record<string, TensorType>>> {
  readonly name: string;
  /** Sizes that differ from run to run are names, such as "batch". */
  readonly inputs: I;
  /** Of the first weights: the same seed, the same weights. */
  readonly seed: number;
}

/**
 * @param define  returns the outputs by name; a model to be trained has one
 * @throws {BuilderError | GraphError} naming the layer that does not fit
 */
export function defineModel<const I extends Readonly<Record<string, TensorType>>>(
  options: ModelOptions<I>,
  define: (b: ModelBuilder, inputs: { readonly [name in keyof I]: Value }) => Readonly<Record<string, Value>>,
): Graph {
  const inputs = Object.entries(options.inputs).map(([name, type]) => ({ name, type }));
  const builder = createModelBuilder(options.name, inputs, options.seed);
  const values = Object.fromEntries(inputs.map((input) => [input.name, input]));
  // SAFETY: one value for every input, under its name.
  const outputs = define(builder, values as { readonly [name in keyof I]: Value });
  const graph = builder.build(outputs);
  verifyGraph(graph);
  return graph;
}
