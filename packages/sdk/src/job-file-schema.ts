/**
 * The shape of a job file, as its author writes it: units as text, defaults left out.
 *
 * What is not built yet is part of the shape only as far as needed to refuse it by name.
 * Design: docs/ARCHITECTURE.md §4.
 */
import { LIMITS, parseBytes, parseMillicores, parsePingo, zName } from "@pingo/core";
import { z } from "zod";

/** Keys whose value the network will know later, and what to write until then. */
export const NOT_BUILT: readonly {
  readonly key: string;
  readonly values: readonly string[];
  readonly instead: string;
}[] = [
  { key: "kind", values: ["Infer", "Run"], instead: "Train" },
  {
    key: "objective.loss",
    values: ["mean-squared-error", "binary-cross-entropy", "mean-absolute-error"],
    instead: "softmax-cross-entropy",
  },
  { key: "verify.mode", values: ["adaptive", "always"], instead: "none" },
];

const zPath = z.string().min(1).max(4_096);

const zAdamWFile = z.strictObject({
  learningRate: z.number().positive().max(10).default(0.001),
  weightDecay: z.number().min(0).max(10).default(0.01),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.999),
  epsilon: z.number().positive().max(1).default(1e-8),
});

const zResources = z.strictObject({
  cpu: quantity(parseMillicores).default(1_000),
  memory: quantity(parseBytes).default(512 * 2 ** 20),
});

export const zJobFile = z.strictObject({
  apiVersion: z.literal("pingo/v1"),
  kind: z.literal("Train"),
  name: zName,
  model: zPath,
  data: z.strictObject({ train: zPath, test: zPath.optional() }),
  objective: z.strictObject({
    loss: z.literal("softmax-cross-entropy"),
    target: z.string().min(1).max(256),
    metrics: z.array(z.literal("accuracy")).max(8).default(["accuracy"]),
  }),
  optimizer: z.strictObject({ adamw: zAdamWFile.prefault({}) }).prefault({}),
  schedule: z.strictObject({
    rounds: z.int().min(1).max(LIMITS.roundsMax),
    stepsPerRound: z.int().min(1).max(LIMITS.stepsPerRoundMax),
    batchSize: z.int().min(1).max(LIMITS.batchSizeMax),
    secondsPerRound: z.number().positive().max(86_400).default(60),
  }),
  workers: z
    .strictObject({
      min: z.int().min(1).max(LIMITS.workersMax).default(1),
      max: z.int().min(1).max(LIMITS.workersMax).default(8),
      resources: zResources.prefault({}),
    })
    .refine((workers) => workers.min <= workers.max, {
      error: "min is larger than max",
      path: ["min"],
    })
    .prefault({}),
  verify: z.strictObject({ mode: z.literal("none") }).optional(),
  retry: z.strictObject({ max: z.int().min(0).max(100).default(3) }).prefault({}),
  budget: z
    .union([z.string(), z.number()])
    .transform(guarded((text) => parsePingo(String(text)).toString()))
    .prefault("0 PINGO"),
  seed: z.int().min(0).max(0xffffffff).default(0),
});

export type JobFileShape = z.output<typeof zJobFile>;

/** Keys known inside the object at a path; none where there is no object. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  let schema: unknown = zJobFile;
  for (const key of path) {
    const inside = unwrap(schema);
    schema = inside instanceof z.ZodObject ? inside.shape[String(key)] : undefined;
  }
  const inside = unwrap(schema);
  return inside instanceof z.ZodObject ? Object.keys(inside.shape) : [];
}

function unwrap(schema: unknown): unknown {
  const isWrapped =
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional;
  return isWrapped ? unwrap(schema.unwrap()) : schema;
}

function quantity(parse: (text: string) => number): z.ZodType<number, string | number> {
  return z.union([z.string(), z.number()]).transform(guarded((text) => parse(String(text))));
}

function guarded<In, Out>(parse: (value: In) => Out): (value: In, context: z.RefinementCtx) => Out {
  return (value, context) => {
    try {
      return parse(value);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : "invalid" });
      return z.NEVER;
    }
  };
}
