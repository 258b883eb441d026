/** Why a file is refused as a model. */
import { FaultError, type Sentences } from "@pingo/core";

export type ModelFault =
  | { readonly code: "MODEL_NOT_ONNX"; readonly why: string }
  | { readonly code: "MODEL_TOO_LARGE"; readonly what: string; readonly value: number; readonly max: number }
  | { readonly code: "MODEL_ILLEGAL"; readonly why: string }
  | { readonly code: "OPSET_UNSUPPORTED"; readonly opset: number; readonly min: number; readonly max: number }
  | { readonly code: "OP_UNSUPPORTED"; readonly op: string; readonly node: string; readonly why: string }
  | { readonly code: "DTYPE_UNSUPPORTED"; readonly value: string; readonly dtype: string }
  | { readonly code: "TENSOR_MALFORMED"; readonly tensor: string; readonly why: string }
  | { readonly code: "EXTERNAL_DATA"; readonly tensor: string };

const SENTENCES: Sentences<ModelFault> = {
  MODEL_NOT_ONNX: (f) =>
    `the file is not an ONNX model: ${f.why}; export one with torch.onnx.export, tf2onnx or the builder`,
  MODEL_TOO_LARGE: (f) => `the model has ${f.value} ${f.what}; at most ${f.max} are accepted`,
  MODEL_ILLEGAL: (f) =>
    `the model breaks the rules of ONNX: ${f.why}; export it again and check it with onnx.checker`,
  OPSET_UNSUPPORTED: (f) =>
    `the model is written for opset ${f.opset}; ${f.min} to ${f.max} are read: export it with opset_version=17`,
  OP_UNSUPPORTED: (f) => `node "${f.node}" uses ${f.op}, which is not supported: ${f.why}`,
  DTYPE_UNSUPPORTED: (f) =>
    `"${f.value}" has elements of type ${f.dtype}; float32, float64, float16, bfloat16, int64, int32, int8, uint8 and bool are read: convert it before the export`,
  TENSOR_MALFORMED: (f) => `the tensor "${f.tensor}" is malformed: ${f.why}`,
  EXTERNAL_DATA: (f) =>
    `the tensor "${f.tensor}" is kept in another file; save the model as one file: onnx.save(onnx.load("model.onnx"), "whole.onnx")`,
};

export class ModelError extends FaultError<ModelFault> {
  override readonly name = "ModelError";
  constructor(fault: ModelFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
