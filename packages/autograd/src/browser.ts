/**
 * The door for pages: what index.ts offers but what needs Node, and trainers that run in a Web Worker.
 *
 * Nothing behind it imports a module of Node; examples/page is bundled from it in a test.
 */
export { defineModel, type ModelOptions } from "./builder/define-model.ts";
export { BuilderError, type BuilderFault } from "./builder/fault.ts";
export type { Value } from "./builder/graph-builder.ts";
export type { Initialization } from "./builder/initialization.ts";
export { causalSelfAttention } from "./builder/layers/attention.ts";
export { transformerBlock } from "./builder/layers/language.ts";
export type { ModelBuilder } from "./builder/model-builder.ts";
export { GraphError, type GraphFault } from "./graph/fault.ts";
export {
  type AnyNode,
  CANONICAL_OPSET,
  type Graph,
  type GraphNode,
  type GraphValue,
  type TypeByValue,
} from "./graph/graph.ts";
export { type Bindings, inferTypes } from "./graph/infer.ts";
export type { OpSpec } from "./graph/ops/spec.ts";
export { isOpKind, OPS, type OpAttributes, type OpKind } from "./graph/ops.ts";
export type { Dim, DType, Shape, Tensor, TensorData, TensorDataByDType, TensorType } from "./graph/tensor.ts";
export { verifyGraph } from "./graph/verify.ts";
export { ModelError, type ModelFault } from "./onnx/fault.ts";
export { readModel } from "./onnx/reader.ts";
export { writeModel } from "./onnx/writer.ts";
export { buildEvaluationProgram, type EvaluationProgram } from "./program/evaluation-program.ts";
export { ProgramError, type ProgramFault } from "./program/fault.ts";
export type { ProgramOptions } from "./program/model-step.ts";
export type { LeftOut } from "./program/parameters.ts";
export type { FieldSpec, ParameterSpec, ProgramSignature } from "./program/signature.ts";
export { buildTrainProgram, type TrainProgram } from "./program/train-program.ts";
export { withWeights } from "./program/weights.ts";
export { evaluate } from "./reference/evaluate.ts";
export { EvaluationError, type EvaluationFault } from "./reference/fault.ts";
export {
  type Inspection,
  type InspectOptions,
  inspectModel,
  type TrainStepCost,
} from "./reference/inspect.ts";
export { type ReferenceValue, referenceOf } from "./reference/value.ts";
export { GradientError, type GradientFault } from "./rules/fault.ts";
export { type PageOptions, startEvaluator, startTrainer } from "./runtime/page.ts";
export { RuntimeError, type RuntimeFault } from "./runtime/runtime-error.ts";
export type {
  Checkpoint,
  Evaluation,
  Evaluator,
  RunOptions,
  RuntimeOptions,
  RuntimeProgram,
  Trainer,
} from "./runtime/trainer.ts";
