/**
 * Brings batch norm and dropout into training mode, as nodes whose gradients are known.
 *
 * Batch norm: the fused operator in training mode, which also gives the batch's mean and variance.
 * Dropout: a product with a mask that is a hash of the batch's rows, the step and the element, so that a step can be
 * computed again anywhere.
 */
import type { AnyNode, GraphNode } from "../graph/graph.ts";
import type { StaticGraph } from "../rules/differentiate.ts";
import { type Emitter, range, sizeOf, typedValue, type Value } from "../rules/emitter.ts";
import { GradientError } from "../rules/fault.ts";

export interface TrainingMode {
  readonly graph: StaticGraph;
  /** What each running statistic becomes, by the name of its initializer. */
  readonly nextStatistics: ReadonlyMap<string, Value>;
}

/** Where dropout takes its chance from; int64[]. */
export interface NoiseSource {
  readonly key: Value;
}

/** Lehmer's modulus, 2³¹ − 1: products of two residues stay below 2⁶². */
const MODULUS = 2_147_483_647;
/** Squarings between counter and noise; two leave visible stripes along the counter. */
const MIXING_ROUNDS = 3;
/** Spreads the numbers of nodes over the residues. */
const SALT_STEP = 1_583_458_089;

/** @param frozen  names of values that stay: a batch norm whose running statistics are among them goes by those */
export function trainingMode(
  graph: StaticGraph,
  emit: Emitter,
  noise: NoiseSource,
  frozen: ReadonlySet<string> = new Set(),
): TrainingMode {
  const running = new Map<string, Value>();
  const outside = emit.nodes.splice(0);
  const nodes = graph.nodes.flatMap((node, i) => {
    if (node.op === "BatchNormalization") {
      const isFrozen = node.inputs.slice(3, 5).every((name) => frozen.has(name));
      return isFrozen ? [node] : trainingBatchNorm(node, graph, emit, running);
    }
    if (node.op === "Dropout") return trainingDropout(node, graph, emit, saltedKey(emit, noise, i));
    return [node];
  });
  emit.nodes.push(...outside);
  const types = new Map([...graph.types, ...emit.types]);
  const constants = new Map([...graph.constants, ...emit.constants]);
  return { graph: { nodes, types, constants }, nextStatistics: running };
}

/**
 * running ← momentum·running + (1 − momentum)·batch. ONNX's momentum is 1 − PyTorch's; the variance kept is the
 * unbiased one, as PyTorch keeps it, while the variance that normalizes is the biased one.
 */
function trainingBatchNorm(
  node: GraphNode<"BatchNormalization">,
  graph: StaticGraph,
  emit: Emitter,
  running: Map<string, Value>,
): AnyNode[] {
  const [xName = "", , , meanName = "", varName = ""] = node.inputs;
  const x = typedValue(graph.types, xName);
  const axes = range(x.shape.length).filter((axis) => axis !== 1);
  const channels = x.shape.slice(1, 2);
  const count = sizeOf(x.shape) / sizeOf(channels);
  const [mean, variance] = [
    emit.declare("mean", x.dtype, channels),
    emit.declare("variance", x.dtype, channels),
  ];
  // With a momentum of 0, what comes out as running statistics is the batch's own. ONNX Runtime writes it over what goes
  // in, whoever else may read that, be it a constant: so what goes in is made for it alone, and new in every run.
  const corner = axes.reduce((part, axis) => emit.slice(part, axis, 0, 1), x);
  const first = emit.reshape(corner, channels);
  const thrown = [first, emit.neg(first)];
  emit.add({
    ...node,
    inputs: [...node.inputs.slice(0, 3), ...thrown.map(({ name }) => name)],
    outputs: [node.outputs[0] ?? "", mean.name, variance.name],
    attributes: { ...node.attributes, training_mode: 1, momentum: 0 },
  });
  const { momentum } = node.attributes;
  const follow = (name: string, batch: Value, factor: number) => {
    if (!graph.constants.has(name)) return;
    const before = running.get(name) ?? typedValue(graph.types, name);
    running.set(name, emit.add2(emit.scale(before, momentum), emit.scale(batch, factor * (1 - momentum))));
  };
  follow(meanName, mean, 1);
  follow(varName, variance, count / Math.max(count - 1, 1));
  return emit.nodes.splice(0);
}

function trainingDropout(
  node: GraphNode<"Dropout">,
  graph: StaticGraph,
  emit: Emitter,
  key: Value,
): AnyNode[] {
  const x = typedValue(graph.types, node.inputs[0] ?? "");
  const [output = "", maskName = ""] = node.outputs;
  const ratio = ratioOf(node, graph);
  const size = sizeOf(x.shape);
  const bounds = [0, size, 1].map((bound) => emit.scalar(bound, "int64"));
  const counter = emit.node("Range", bounds, {}, "int64", [size]); // constant: computed once, outside the steps
  const start = emit.mul(emit.shift(counter, 1), emit.scalar(48_271, "int64"));
  let hash = modulo(emit, emit.add2(start, key));
  for (let round = 0; round < MIXING_ROUNDS; round++) {
    hash = modulo(emit, emit.add2(emit.square(hash), emit.shift(key, round + 1)));
  }
  const threshold = emit.scalar(Math.floor(ratio * MODULUS), "int64");
  const isKept = emit.compare("GreaterOrEqual", hash, threshold);
  if (maskName !== "") {
    const flags = emit.reshape(isKept, x.shape);
    const name = `${node.name}/mask`;
    emit.add({ op: "Identity", name, inputs: [flags.name], outputs: [maskName], attributes: {} });
  }
  if (ratio === 0) {
    emit.add({ op: "Identity", name: node.name, inputs: [x.name], outputs: [output], attributes: {} });
    return emit.nodes.splice(0);
  }
  // Where everything is dropped there is nothing to make up for it.
  const height = ratio === 1 ? 0 : 1 / (1 - ratio);
  const mask = emit.scale(emit.reshape(emit.cast(isKept, "float32"), x.shape), height);
  emit.add({ op: "Mul", name: node.name, inputs: [x.name, mask.name], outputs: [output], attributes: {} });
  return emit.nodes.splice(0);
}

/** @throws {GradientError} OP_WITHOUT_GRADIENT where it is not known before the run, or is no chance */
function ratioOf({ op, name: node, inputs }: GraphNode<"Dropout">, { constants }: StaticGraph): number {
  const given = inputs[1] ?? "";
  const ratio = given === "" ? 0.5 : Number(constants.get(given)?.data[0]);
  if (ratio >= 0 && ratio <= 1) return ratio;
  const why = Number.isNaN(ratio) ? "its ratio is not a constant" : `its ratio is ${ratio}, not in [0, 1]`;
  throw new GradientError({ code: "OP_WITHOUT_GRADIENT", op, node, why });
}

/**
 * A key for one node. It goes into every round: added to the counter alone, as an offset, it would give each node the
 * others' mask shifted by some elements.
 */
function saltedKey(emit: Emitter, { key }: NoiseSource, salt: number): Value {
  return modulo(emit, emit.shift(key, (salt * SALT_STEP) % MODULUS));
}

/** A number for this step and these rows, 0 ≤ key < 2³¹ − 1: units that train on other rows drop other elements. */
export function noiseKey(emit: Emitter, rows: Value, step: Value): Value {
  const weights = emit.constant({
    dtype: "int64",
    shape: rows.shape,
    data: BigInt64Array.from(range(sizeOf(rows.shape), 1), (i) => BigInt((i * 69_621) % MODULUS)),
  });
  const total = emit.sum(modulo(emit, emit.mul(rows, weights)), [0]);
  return modulo(emit, emit.add2(total, emit.mul(emit.cast(step, "int64"), emit.scalar(16_807, "int64"))));
}

function modulo(emit: Emitter, x: Value): Value {
  return emit.node("Mod", [x, emit.scalar(MODULUS, "int64")], { fmod: 0 }, "int64", x.shape);
}
