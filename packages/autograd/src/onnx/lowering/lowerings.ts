/** Operators outside the ONNX standard: which are read, as what, and what to do about the rest. */
import type { NodeProto } from "../onnx_pb.ts";
import { ATTENTION_LOWERINGS, attentionWithCache } from "./attention.ts";
import { CLASSICAL_LOWERINGS } from "./classical.ts";
import { FUSED_LOWERINGS } from "./fused.ts";
import type { Lowering } from "./lowering-site.ts";
import { groupNormOfGroups, NORMALIZATION_LOWERINGS } from "./normalization.ts";

const OPTIMIZER =
  "let ONNX Runtime optimize less: graph_optimization_level = ORT_ENABLE_BASIC before it saves the model, or give the model as it was exported";
const QUANTIZED = "it computes with quantized numbers; train the model before it is quantized";
const TREES = "decision trees have no gradient; train a linear model or a network in their place";
const TEXT = "it works on text, which tensors here do not hold; encode the data as numbers before";
const ZIP_MAP =
  'it returns a dictionary for each row; convert with skl2onnx options={"zipmap": False}, so that probabilities stay a tensor';
const KERNELS =
  "kernel machines are not read; fit a linear model (LinearSVC, Ridge) or a network in its place";

interface Domain {
  readonly lowerings: Readonly<Record<string, Lowering>>;
  /** What to do about an operator without a lowering, by a pattern of its name; the first that fits. */
  readonly refusals: readonly (readonly [RegExp, string])[];
}

const MICROSOFT: Domain = {
  lowerings: { ...FUSED_LOWERINGS, ...NORMALIZATION_LOWERINGS, ...ATTENTION_LOWERINGS },
  refusals: [
    [
      /^(QLinear|QAttention|QGemm|QOrdered|DynamicQuantize|MatMulInteger|MatMulNBits|MatMulBnb4|Quantize|Dequantize)/,
      QUANTIZED,
    ],
    [
      /^(GroupQueryAttention|DecoderMasked|PagedAttention|PackedAttention|PackedMultiHead|SparseAttention)/,
      "it serves text generation from a cache; export the model for training instead",
    ],
    [/./, OPTIMIZER],
  ],
};

const DOMAINS: ReadonlyMap<string, Domain> = new Map([
  ["com.microsoft", MICROSOFT],
  ["com.microsoft.nchwc", { lowerings: {}, refusals: [[/./, OPTIMIZER]] }],
  ["com.ms.internal.nhwc", { lowerings: {}, refusals: [[/./, OPTIMIZER]] }],
  [
    "ai.onnx.ml",
    {
      lowerings: CLASSICAL_LOWERINGS,
      refusals: [
        [/^TreeEnsemble/, TREES],
        [/^ZipMap$/, ZIP_MAP],
        [/^SVM/, KERNELS],
        [/^(LabelEncoder|CategoryMapper|DictVectorizer)$/, TEXT],
      ],
    },
  ],
]);

/** ONNX Runtime keeps this one in the standard domain, though the standard has no such operator. */
const IN_STANDARD_DOMAIN: Readonly<Record<string, Lowering>> = {
  SimplifiedLayerNormalization: NORMALIZATION_LOWERINGS.SimplifiedLayerNormalization,
};

/** What an operator of the standard domain was before the opset that gave it its present meaning. */
const OLDER: Readonly<Record<string, { readonly before: number; readonly lowering: Lowering }>> = {
  GroupNormalization: { before: 21, lowering: groupNormOfGroups },
};

export function loweringOf(
  { domain, opType: op, input, output }: Pick<NodeProto, "domain" | "opType" | "input" | "output">,
  opset: number,
): Lowering | undefined {
  if (
    op === "Attention" &&
    isStandard(domain) &&
    [...input.slice(4), ...output.slice(1)].some((name) => name !== "")
  )
    return attentionWithCache;
  const older = isStandard(domain) && Object.hasOwn(OLDER, op) ? OLDER[op] : undefined;
  if (older !== undefined && opset < older.before) return older.lowering;
  const table = isStandard(domain) ? IN_STANDARD_DOMAIN : DOMAINS.get(domain)?.lowerings;
  return table !== undefined && Object.hasOwn(table, op) ? table[op] : undefined;
}

/** Why an operator of another domain is not read, and what to do. */
export function whyNotLowered(domain: string, op: string): string {
  const refusal = DOMAINS.get(domain)?.refusals.find(([pattern]) => pattern.test(op));
  return refusal?.[1] ?? `it belongs to the domain ${domain}; export with standard operators only`;
}

/** Every operator that is lowered, by domain. */
export function loweredOperators(): ReadonlyMap<string, readonly string[]> {
  const standard = ["ai.onnx, though ONNX Runtime's own", Object.keys(IN_STANDARD_DOMAIN)] as const;
  return new Map([
    ...[...DOMAINS].map(([domain, { lowerings }]) => [domain, Object.keys(lowerings)] as const),
    standard,
  ]);
}

export function isStandard(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}
