/**
 * Asks a trained model for the held-out digits, in stock ONNX Runtime, and prints the share it knows.
 *
 *     npx node examples/mnist/try.ts MODEL.onnx
 */
import { readFile } from "node:fs/promises";
import { assert, assertDefined } from "@pingo/core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { tell } from "../tell.ts";
import { DIGITS, readDigits, TRAIN_DIGITS } from "./prepare.ts";

const PIXELS = 28 * 28;
const CLASSES = 10;

/** @returns the share of the 2,000 held-out digits whose largest score is the right one */
export async function knownShare(model: Uint8Array): Promise<number> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
  const { image, label } = await readDigits();
  const rows = DIGITS - TRAIN_DIGITS;
  const feed = new Tensor("float32", image.slice(TRAIN_DIGITS * PIXELS), [rows, 1, 28, 28]);
  const outputs = await session.run({ [assertDefined(session.inputNames[0], "an input")]: feed });
  const scores = assertDefined(outputs[session.outputNames[0] ?? ""], "an output").data;
  assert(scores instanceof Float32Array && scores.length === rows * CLASSES, "ten scores for each digit");
  await session.release();
  let known = 0;
  for (let row = 0; row < rows; row++) {
    const own = scores.subarray(row * CLASSES, (row + 1) * CLASSES);
    if (own.indexOf(Math.max(...own)) === Number(label[TRAIN_DIGITS + row])) known += 1;
  }
  return known / rows;
}

if (import.meta.main) {
  const path = process.argv[2];
  if (path === undefined) {
    console.error("usage: npx node examples/mnist/try.ts MODEL.onnx");
    process.exitCode = 1;
  } else {
    await tell(async () => console.log(`accuracy ${await knownShare(await readFile(path))}`));
  }
}
