/**
 * What the two builds of ONNX Runtime have in common, and how we use it. The builds themselves are loaded by
 * native-ort.ts and wasm-ort.ts, on first use: a program that only builds graphs waits for neither.
 */
import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-node";
import type { Tensor } from "../graph/tensor.ts";
import { RuntimeError } from "./runtime-error.ts";

/**
 * - native: onnxruntime-node, the fast one. Bits are the same on every run of one machine.
 * - wasm: onnxruntime-web on WebAssembly, in Node and in pages. Bits are the same on every machine.
 */
export type Backend = "native" | "wasm";

export interface Ort {
  readonly backend: Backend;
  readonly InferenceSession: {
    create(graph: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: TensorConstructor;
}

export type OrtFeeds = Record<string, OrtTensor>;

/**
 * One thread each, unless a program is tuned for more (tune-program.ts): results are the same on every run, and a provider is one process per core.
 * The arena nearly halves the step time of a network with attention. Memory patterns reserve a second copy of what
 * it holds (20 of 230 MB resident for a small CNN, 2026-11) and make no step faster.
 */
const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  enableCpuMemArena: true,
  enableMemPattern: false,
  logSeverityLevel: 3,
};

/**
 * Rewritings of ONNX Runtime that a train step has no use for: of quantized and half-precision graphs; of what nothing
 * else reads, while its gradient reads all; and what the program's builder has done already. Each goes through all nodes, and
 * one that changes something has every shape worked out anew: a session of 3,600 nodes opens in 0.35 s in place of
 * 0.8, and steps take as long as before or less (Zen 4, 2026-11). What stays: a product takes the factor or the activation
 * after it with it, as convolutions do; pictures stay in blocks from one operator to the next; transposes that undo each other
 * go (a third of the step of a network that keeps channels last).
 */
const IDLE_IN_TRAINING = [
  "AttentionFusion",
  "BiasDropoutFusion",
  "BiasGeluFusion",
  "BiasSkipLayerNormFusion",
  "BiasSoftmaxFusion",
  "CommonSubexpressionElimination",
  "ConstantFolding",
  "ConstantSharing",
  "ConvAddActivationFusion",
  "DoubleQDQPairsRemover",
  "DynamicQuantizeMatMulFusion",
  "EmbedLayerNormFusion",
  "EnsureUniqueDQForNodeUnit",
  "FastGeluFusion",
  "FreeDimensionOverrideTransformer",
  "FuseFp16InitializerToFp32NodeTransformer",
  "GatherSliceToSplitFusion",
  "GatherToSliceFusion",
  "GeluFusionL1",
  "GeluFusionL2",
  "GroupQueryAttentionFusion",
  "GroupQueryAttentionPreNormFusion",
  "LayerNormFusionL1",
  "LayerNormFusionL2",
  "Level1_RuleBasedTransformer",
  "Level2_RuleBasedTransformer",
  "MatMulActivationFusion",
  "MatMulAddFusion",
  "MatMulIntegerToFloatFusion",
  "MatMulNBitsFusion",
  "MatmulTransposeFusion",
  "NhwcTransformer",
  "QDQFinalCleanupTransformer",
  "QDQPropagationTransformer",
  "QDQS8ToU8Transformer",
  "QDQSelectorActionTransformer",
  "QuickGeluFusion",
  "ReshapeFusion",
  "SimplifiedLayerNormFusion",
  "SkipLayerNormFusion",
  "SliceConcatToSpaceToDepthFusion",
  "TransposeOptimizer_CPUExecutionProvider",
  "WeightBiasQuantization",
  "WhereDummyDq",
];

export interface SessionChoices {
  /** 1 where nothing is said. */
  readonly threads?: number | undefined;
  readonly isTrainStep?: boolean;
}

/** Errors come to us as exceptions; ONNX Runtime need not print them too. */
const RUN_OPTIONS: InferenceSession.RunOptions = { logSeverityLevel: 4 };

/** @throws {RuntimeError} GRAPH_REJECTED */
export async function openSession(
  ort: Ort,
  graph: Uint8Array,
  { threads = 1, isTrainStep = false }: SessionChoices = {},
): Promise<InferenceSession> {
  const idle = { optimization: { disable_specified_optimizers: IDLE_IN_TRAINING.join(";") } };
  // WebAssembly's bits are compared between versions of ours: there ONNX Runtime keeps all.
  const isShort = isTrainStep && ort.backend === "native";
  try {
    return await ort.InferenceSession.create(graph, {
      ...SESSION_OPTIONS,
      intraOpNumThreads: threads,
      ...(isShort && { extra: idle }),
    });
  } catch (cause) {
    throw new RuntimeError({ code: "GRAPH_REJECTED", why: firstLine(cause) }, { cause });
  }
}

/** @throws {RuntimeError} GRAPH_FAILED */
export async function runSession(
  session: InferenceSession,
  feeds: OrtFeeds,
): Promise<InferenceSession.OnnxValueMapType> {
  try {
    return await session.run(feeds, RUN_OPTIONS);
  } catch (cause) {
    throw new RuntimeError({ code: "GRAPH_FAILED", why: firstLine(cause) }, { cause });
  }
}

/** The tensor as ONNX Runtime takes it; the numbers are shared, not copied. */
export function toOrt(ort: Ort, tensor: Tensor): OrtTensor {
  return new ort.Tensor(tensor.dtype, tensor.data, tensor.shape);
}

export function float32(ort: Ort, data: Float32Array, shape: readonly number[]): OrtTensor {
  return new ort.Tensor("float32", data, shape);
}

/** ONNX Runtime's messages have a stack of their own behind the first line. */
export function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return (text.split("\n")[0] ?? text).slice(0, 500);
}
