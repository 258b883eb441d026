/**
 * How much memory a train program takes while it runs, worked out from its graph before anything is run.
 *
 * test/memory-plan.test.ts holds it against the resident memory of real runs, docs/adr/0003-engine.md has figures.
 */
import type { Graph } from "../graph/graph.ts";
import { inferNode, startInference } from "../graph/infer.ts";
import type { Lowering } from "../lower/lowering.ts";
import { bytesOf, peakOfBody, sum } from "./peak-of-values.ts";

export interface MemoryPlan {
  /** Weights and what the optimizer keeps of them, once. */
  readonly stateBytes: number;
  /** The most that the values of a step take at one moment: activations, gradients, what kernels make in between. */
  readonly stepBytes: number;
  /** Tensors of the program itself, frozen weights among them. */
  readonly constantBytes: number;
  /**
   * What a run adds to a process that had no session before, the data set's rows left out: all copies of the state,
   * the step, the session, ONNX Runtime itself.
   */
  readonly totalBytes: number;
}

/** How a program is run; of what is not known the plan takes what needs most. */
export interface RunShape {
  /** In one call. */
  readonly stepsPerCall?: number;
  /** That the graph goes through before it is opened: it is run as it is unless given. */
  readonly lowerings?: readonly Lowering[];
}

/** The state as JavaScript gives it and as it gets it back, and the Scan's output. */
const STATE_COPIES = 3;
/** From step to step a Scan passes the state on in buffers of its own: in none for one step, in one for two. */
const SCAN_COPIES_MAX = 2;
/** The program's own bytes, and what the session makes of them. */
const CONSTANT_COPIES = 2;
/** The arena's pieces do not fit without gaps. */
const ARENA_FACTOR = 1.25;
/** The native library with its heap, once it has run something; and what a session keeps of each node. Measured: adr/0003. */
const ENGINE_BYTES = 28 * 2 ** 20;
const NODE_BYTES = 12 * 2 ** 10;

/** @param graph  a train program: a Scan over steps */
export function planMemory(graph: Graph, { stepsPerCall, lowerings = [] }: RunShape = {}): MemoryPlan {
  const inference = startInference(graph, new Map([["steps", 1]]));
  const around = { inference, initializers: graph.initializers, lowerings };
  let stateBytes = 0;
  let stepBytes = 0;
  for (const node of graph.nodes) {
    inferNode(node, inference);
    if (node.op !== "Scan") continue;
    const stateful = node.inputs.length - node.attributes.num_scan_inputs;
    stateBytes += sum(node.inputs.slice(0, stateful), (name) => bytesOf(inference.types.get(name)));
    stepBytes = Math.max(stepBytes, peakOfBody(node, around));
  }
  const constantBytes = constantsOf(graph);
  const scanCopies = Math.min((stepsPerCall ?? Number.POSITIVE_INFINITY) - 1, SCAN_COPIES_MAX);
  const totalBytes =
    ENGINE_BYTES +
    NODE_BYTES * countNodes(graph) +
    (STATE_COPIES + scanCopies) * stateBytes +
    CONSTANT_COPIES * constantBytes +
    Math.round(ARENA_FACTOR * stepBytes);
  return { stateBytes, stepBytes, constantBytes, totalBytes };
}

function countNodes({ nodes }: Graph): number {
  return nodes.reduce(
    (total, node) => total + 1 + (node.op === "Scan" ? countNodes(node.attributes.body) : 0),
    0,
  );
}

function constantsOf({ initializers, nodes }: Graph): number {
  const own = [...initializers.values()].reduce((total, { data }) => total + data.byteLength, 0);
  return nodes.reduce(
    (total, node) => total + (node.op === "Scan" ? constantsOf(node.attributes.body) : 0),
    own,
  );
}
