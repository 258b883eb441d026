import { readFile } from "node:fs/promises";
import {
  buildEvaluationProgram,
  buildTrainProgram,
  type Graph,
  openEvaluator,
  openTrainer,
  type ProgramOptions,
  readModel,
} from "@pingo/autograd";
import { createPrng, sha256 } from "@pingo/core";
import { beforeAll, describe, expect, test } from "vitest";
import { digitsModel } from "./model.ts";
import { DIGITS, type Digits, readDigits, TRAIN_DIGITS, tensorsOf } from "./prepare.ts";

const OPTIONS: ProgramOptions = {
  fields: [
    { name: "image", dtype: "float32", rowShape: [1, 28, 28] },
    { name: "label", dtype: "int64", rowShape: [] },
  ],
  target: "label",
  loss: "softmax-cross-entropy",
  optimizer: { adamw: { learningRate: 0.002, weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
  batchSize: 32,
};

let digits: Digits;
let exported: Graph;
beforeAll(async () => {
  digits = await readDigits();
  exported = readModel(await readFile(new URL("model.onnx", import.meta.url)));
});

test("the split is the same for everyone, and each digit is in both halves", async () => {
  expect(
    Buffer.from(sha256(new Uint8Array(digits.label.buffer)))
      .toString("hex")
      .slice(0, 16),
  ).toBe("7102fbfc3fafc2a9");
  const labels = Array.from(digits.label, Number);
  for (const half of [labels.slice(0, TRAIN_DIGITS), labels.slice(TRAIN_DIGITS)]) {
    for (let digit = 0; digit < 10; digit++) {
      const share = half.filter((label) => label === digit).length / half.length;
      expect(share).toBeGreaterThan(0.07);
    }
  }
});

test("pixels are shares of ink", () => {
  const { image } = digits;
  expect(image.every((ink) => ink >= 0 && ink <= 1)).toBe(true);
  expect(image.reduce((sum, ink) => sum + ink, 0) / image.length).toBeCloseTo(0.13, 1);
});

const shapesOf = (graph: Graph): readonly string[] =>
  [...graph.initializers.values()].map(({ dtype, shape }) => `${dtype}[${shape}]`);

test("PyTorch's export and the TypeScript model are one network", () => {
  expect(shapesOf(digitsModel())).toEqual(shapesOf(exported));
  const opsOf = ({ nodes }: Graph): readonly string[] =>
    nodes.map(({ op }) => op).filter((op) => op !== "Identity");
  expect(opsOf(digitsModel())).toEqual(opsOf(exported));
});

describe("a few steps teach it what chance does not know", () => {
  test.each([
    ["from PyTorch", () => exported],
    ["from TypeScript", () => digitsModel()],
  ])("%s", async (_, model) => {
    await using trainer = await openTrainer(buildTrainProgram(model(), OPTIONS));
    await using evaluator = await openEvaluator(buildEvaluationProgram(model(), OPTIONS));
    await trainer.setFields(tensorsOf(digits, 0, TRAIN_DIGITS));
    await trainer.reset(buildTrainProgram(model(), OPTIONS).initialWeights);
    const prng = createPrng(1);
    const steps = 60;
    const rows = BigInt64Array.from({ length: steps * OPTIONS.batchSize }, () =>
      BigInt(prng.int(TRAIN_DIGITS)),
    );
    const losses = await trainer.run(rows, new Float32Array(steps).fill(0.002));
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 2);
    const heldOut = tensorsOf(digits, DIGITS - 500, DIGITS);
    const { accuracy, count } = await evaluator.evaluate(await trainer.weights(), heldOut);
    expect(count).toBe(500);
    expect(accuracy).toBeGreaterThan(0.5);
  });
});
