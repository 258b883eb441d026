/** Differentiates ONNX graphs and trains them in stock ONNX Runtime. */
export { type AnyNode, CANONICAL_OPSET, type Graph, type GraphNode, type GraphValue, type TypeByValue } from "./graph/graph.ts";
export { GraphError, type GraphFault } from "./graph/fault.ts";
export { type Bindings, inferTypes } from "./graph/infer.ts";
export { isOpKind, type OpAttributes, type OpKind, OPS, type OpSpec } from "./graph/ops.ts";
export type { Dim, DType, Shape, Tensor, TensorData, TensorDataByDType, TensorType } from "./graph/tensor.ts";
export { verifyGraph } from "./graph/verify.ts";
export { ModelError, type ModelFault } from "./onnx/fault.ts";
export { readModel } from "./onnx/reader.ts";
export { writeModel } from "./onnx/writer.ts";
export { measureGflops } from "./runtime/measure.ts";
export { openEvaluator } from "./runtime/open-evaluator.ts";
export { openTrainer } from "./runtime/open-trainer.ts";
export { RuntimeError, type RuntimeFault } from "./runtime/runtime-error.ts";
export { startEvaluator, startTrainer } from "./runtime/start.ts";
export type { Evaluation, Evaluator, RuntimeOptions, RuntimeProgram, Trainer } from "./runtime/trainer.ts";
export type { FieldSpec, ParameterSpec, ProgramSignature } from "./program/signature.ts";
