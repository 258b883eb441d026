/** Models that PyTorch exported (pytorch/export_models.py): as exported, and as ONNX Runtime's optimizer rewrites them. */

import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import "../src/runtime/telemetry.ts";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Graph } from "../src/graph/graph.ts";
import { readModel } from "../src/onnx/reader.ts";
import { checkGradients } from "../src/reference/check-gradients.ts";
import { evaluate } from "../src/reference/evaluate.ts";
import { type GradientCase, parseGradientCase } from "../src/reference/gradient-case.ts";
import { referenceOf } from "../src/reference/value.ts";

const FOLDER = new URL("pytorch/models/", import.meta.url);
const NAMES = readdirSync(FOLDER).sort();
/** Of float32 against float64, over the largest element. */
const ROUNDING_ERROR_MAX = 1e-5;

interface Entry {
  readonly role: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

const pathOf = (name: string, file: string) => fileURLToPath(new URL(`${name}/${file}`, FOLDER));

function caseOf(name: string): { readonly given: GradientCase; readonly output: Float32Array } {
  const json = readFileSync(pathOf(name, "case.json"), "utf8");
  const bytes = new Uint8Array(readFileSync(pathOf(name, "case.bin")));
  const { tensors }: { readonly tensors: readonly Entry[] } = JSON.parse(json);
  const output = tensors.find(({ role }) => role === "output");
  if (output === undefined) throw new Error("the case has no output");
  const size = output.shape.reduce((a, b) => a * b, 1);
  return {
    given: parseGradientCase(json, bytes),
    output: new Float32Array(bytes.buffer, output.offset, size),
  };
}

function errorOf(model: Graph, name: string): number {
  const { given, output } = caseOf(name);
  const found = evaluate(
    model,
    new Map([...given.inputs].map(([key, tensor]) => [key, referenceOf(tensor)])),
  );
  const y = found.get(model.outputs[0]?.name ?? "");
  const largest = output.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const errors = Array.from(output, (value, i) => Math.abs(value - Number(y?.data[i])) / largest);
  return errors.reduce((worst, error) => (error <= worst ? worst : error), 0); // NaN too
}

describe("as PyTorch exports it", () => {
  test.for(NAMES)("%s computes what PyTorch does, and every gradient is PyTorch's", async (name) => {
    const model = readModel(readFileSync(pathOf(name, "model.onnx")));
    expect(errorOf(model, name)).toBeLessThan(ROUNDING_ERROR_MAX);
    const { given } = caseOf(name);
    expect(await checkGradients(model, { case: given })).toMatchObject({
      checked: given.gradients.size,
      passed: true,
    });
  });
});

describe("as ONNX Runtime rewrites it", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pingo-optimized-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  // Its optimizer merges weights that are equal and folds others, so gradients are compared with differences.
  test.for(NAMES)("%s computes the same, and its gradients are right", async (name) => {
    const path = join(folder, `${name}.onnx`);
    const session = await InferenceSession.create(pathOf(name, "model.onnx"), {
      graphOptimizationLevel: "extended",
      optimizedModelFilePath: path,
      logSeverityLevel: 4,
    });
    await session.release();
    const model = readModel(await readFile(path));
    expect(errorOf(model, name)).toBeLessThan(ROUNDING_ERROR_MAX);
    expect(await checkGradients(model)).toMatchObject({ passed: true });
  });
});
