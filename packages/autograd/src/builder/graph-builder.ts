/** Grows a graph node by node; each node is typed as it is added, so that the layer at fault is named. */
import { assertDefined, createPrng, type Prng } from "@pingo/core";
import { GraphError, showShape } from "../graph/fault.ts";
import type { AnyNode, Graph, GraphNode, GraphValue } from "../graph/graph.ts";
import type { Inference } from "../graph/infer/site.ts";
import { addTensor, inferNode, startInference } from "../graph/infer.ts";
import type { AttributeSpec, AttributeValue } from "../graph/ops/spec.ts";
import { OPS, type OpAttributes, type OpKind } from "../graph/ops.ts";
import { sizeOfShape } from "../graph/shape.ts";
import type { Dim, Tensor, TensorType } from "../graph/tensor.ts";
import { verifyNode } from "../graph/verify.ts";
import { deriveAttributes } from "../onnx/derive.ts";
import { adviceFor } from "./advice.ts";
import { BuilderError } from "./fault.ts";
import { drawTensor, type Initialization } from "./initialization.ts";

/** A value of the model under construction. */
export interface Value {
  readonly name: string;
  readonly type: TensorType;
}

export interface OpOptions {
  /** The operator's ONNX name with a number when left out. */
  readonly name?: string;
}

export class GraphBuilder {
  /** In place of an optional input that is left out. */
  readonly absent: Value = { name: "", type: { dtype: "float32", shape: [] } };
  readonly #name: string;
  readonly #inputs: readonly GraphValue[];
  readonly #initializers = new Map<string, Tensor>();
  readonly #constants = new Set<string>();
  readonly #nodes: AnyNode[] = [];
  readonly #inference: Inference;
  readonly #prng: Prng;
  readonly #countByKind = new Map<string, number>();
  readonly #layers = new Set<string>();

  constructor(name: string, inputs: readonly GraphValue[], seed: number) {
    this.#name = name;
    this.#inputs = inputs;
    this.#prng = createPrng(seed);
    this.#inference = startInference({ name, inputs, outputs: [], initializers: new Map(), nodes: [] });
  }

  /** The name of a layer: the one given, or its kind and a number. */
  layerName(kind: string, given?: string): string {
    const count = (this.#countByKind.get(kind) ?? 0) + 1;
    if (given === undefined) this.#countByKind.set(kind, count);
    const name = given ?? `${kind}${count}`;
    if (this.#layers.has(name)) throw this.invalid(name, "another layer has that name");
    this.#layers.add(name);
    return name;
  }

  /** A float32 tensor that training changes. */
  parameter(name: string, shape: readonly number[], initialization: Initialization): Value {
    if (shape.some((size) => !Number.isInteger(size) || size < 1)) {
      throw this.invalid(name, `[${shape.join(", ")}] must be whole numbers of 1 or more`);
    }
    if ("values" in initialization && initialization.values.length !== sizeOfShape(shape)) {
      throw this.invalid(
        name,
        `${showShape(shape)} takes ${sizeOfShape(shape)} values, not ${initialization.values.length}`,
      );
    }
    return this.#initializer(name, drawTensor(shape, initialization, this.#prng), "parameter");
  }

  /** A parameter made before, for a second layer: one tensor, trained by both. */
  shared(name: string, shape: readonly number[], layer: string): Value {
    const tensor = this.#constants.has(name) ? undefined : this.#initializers.get(name);
    if (tensor === undefined)
      throw this.invalid(layer, `it shares "${name}", which is no parameter of a layer before it`);
    if (showShape(tensor.shape) !== showShape(shape)) {
      throw this.invalid(
        layer,
        `it shares "${name}" ${showShape(tensor.shape)}, and needs ${showShape(shape)}: change its size to that`,
      );
    }
    return { name, type: { dtype: tensor.dtype, shape } };
  }

  /** A tensor that stays as it is. */
  constant(name: string, tensor: Tensor): Value {
    const value = this.#initializer(name, tensor, "constant");
    this.#constants.add(name);
    return value;
  }

  #initializer(name: string, tensor: Tensor, role: "parameter" | "constant"): Value {
    if (this.#inference.types.has(name)) throw this.invalid(name, "that name is taken");
    this.#initializers.set(name, tensor);
    return { name, type: addTensor(this.#inference, name, tensor, role) };
  }

  ints(name: string, values: readonly number[]): Value {
    return this.constant(name, {
      dtype: "int64",
      shape: [values.length],
      data: BigInt64Array.from(values, BigInt),
    });
  }

  scalar(name: string, value: number): Value {
    return this.constant(name, { dtype: "float32", shape: [], data: Float32Array.of(value) });
  }

  /** One node of any operator, with all its outputs. */
  nodes<K extends OpKind>(
    op: K,
    name: string,
    inputs: readonly Value[],
    attributes: OpAttributes[K],
    outputs: readonly string[],
  ): readonly Value[] {
    const built: GraphNode<K> = { op, name, inputs: inputs.map((input) => input.name), outputs, attributes };
    // SAFETY: a GraphNode<K> is the member of the union for K, which TypeScript does not see for a generic K.
    const node = built as unknown as AnyNode;
    try {
      verifyNode(node);
      inferNode(node, this.#inference);
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      const given = inputs
        .filter((input) => input !== this.absent)
        .map((input) => `${input.name} ${input.type.dtype}${showShape(input.type.shape)}`);
      const fault = { layer: name, op, given, why: error.fault.why, instead: adviceFor(op) };
      throw new BuilderError({ code: "LAYER_MISFIT", ...fault }, { cause: error });
    }
    this.#nodes.push(node);
    return outputs.map((output) => ({
      name: output,
      type: assertDefined(this.#inference.types.get(output), "inferred"),
    }));
  }

  /** One node of any operator with one output, which takes the node's name. */
  node<K extends OpKind>(op: K, name: string, inputs: readonly Value[], attributes: OpAttributes[K]): Value {
    return assertDefined(this.nodes(op, name, inputs, attributes, [`${name}/out`])[0], "one output");
  }

  /** Any operator of the op set by its ONNX name; attributes left out have ONNX's defaults. */
  op<K extends OpKind>(
    op: K,
    inputs: readonly Value[],
    attributes: Partial<OpAttributes[K]> = {},
    options: OpOptions = {},
  ): Value {
    return assertDefined(this.ops(op, inputs, attributes, { ...options, outputs: 1 })[0], "one output");
  }

  /** As `op`, with several outputs. */
  ops<K extends OpKind>(
    op: K,
    inputs: readonly Value[],
    attributes: Partial<OpAttributes[K]>,
    options: OpOptions & { readonly outputs: number },
  ): readonly Value[] {
    const layer = this.layerName(`${op.charAt(0).toLowerCase()}${op.slice(1)}`, options.name);
    const values = attributesOf(op, attributes);
    const types = inputs.map(({ type }) => type);
    deriveAttributes({ op, node: layer, values, autoPad: "NOTSET", outputShape: undefined, types });
    const outputs = Array.from({ length: options.outputs }, (_, i) => `${layer}/out${i === 0 ? "" : i}`);
    // SAFETY: defaults for what was left out; verifyNode refuses whatever is still missing or strange.
    return this.nodes(op, layer, inputs, Object.fromEntries(values) as unknown as OpAttributes[K], outputs);
  }

  /** A size that a layer's parameters need; it cannot be a name. */
  fixed(dim: Dim | undefined, layer: string, what: string): number {
    if (typeof dim === "number") return dim;
    throw this.invalid(
      layer,
      `${what} must be a number${dim === undefined ? "; the input has too few axes" : `, not "${dim}"`}`,
    );
  }

  invalid(layer: string, why: string): BuilderError {
    return new BuilderError({ code: "LAYER_INVALID", layer, why });
  }

  /** The graph so far, with the given outputs under the given names. */
  build(outputs: Readonly<Record<string, Value>>): Graph {
    const named = Object.entries(outputs).map(([name, value]): GraphValue => {
      const { type } =
        value.name === name
          ? value
          : (this.nodes("Identity", `output/${name}`, [value], {}, [name])[0] ?? value);
      return { name, type };
    });
    return this.#graph(named);
  }

  #graph(outputs: readonly GraphValue[]): Graph {
    const graph = {
      name: this.#name,
      inputs: this.#inputs,
      outputs,
      initializers: this.#initializers,
      nodes: this.#nodes,
    };
    return this.#constants.size === 0 ? graph : { ...graph, constants: this.#constants };
  }
}

/** Those given, and ONNX's defaults for the rest. */
function attributesOf(op: OpKind, given: object): Map<string, AttributeValue> {
  const values = new Map<string, AttributeValue>();
  const specs: ReadonlyMap<string, AttributeSpec<AttributeValue>> = new Map(
    Object.entries(OPS[op].attributes),
  );
  for (const [name, spec] of specs) if ("default" in spec) values.set(name, spec.default);
  for (const [name, value] of Object.entries(given)) values.set(name, value);
  return values;
}
