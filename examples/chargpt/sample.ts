/**
 * Continues a text with a trained model, in stock ONNX Runtime.
 *
 *     npx node examples/chargpt/sample.ts MODEL.onnx VOCABULARY.json "To be" [CHARACTERS]
 */
import { readFile } from "node:fs/promises";
import { assert, assertDefined, createPrng, type Prng } from "@pingo/core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { tell } from "../tell.ts";
import { encodeText } from "./text.ts";

export interface SampleOptions {
  readonly characters: number;
  /** Below 1 the likely become likelier. */
  readonly temperature: number;
  readonly prng: Prng;
}

/** The prompt and what the model makes of it. */
export async function sampleText(
  model: Uint8Array,
  vocabulary: readonly string[],
  prompt: string,
  { characters, temperature, prng }: SampleOptions,
): Promise<string> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
  const input = session.inputMetadata[0];
  assert(input?.isTensor, "the model takes tokens");
  const positions = Number(input.shape[1]);
  const tokens = [...encodeText(prompt, vocabulary)];
  for (let i = 0; i < characters; i++) {
    // What comes after the last token cannot change its scores: the rest of the window may hold anything.
    const window = tokens.slice(-positions);
    const feed = BigInt64Array.from({ length: positions }, (_, at) => BigInt(window[at] ?? 0));
    const outputs = await session.run({ [input.name]: new Tensor("int64", feed, [1, positions]) });
    const scores = assertDefined(outputs[session.outputNames[0] ?? ""], "the model has an output").data;
    assert(scores instanceof Float32Array, "scores are float32");
    const last = Math.max(0, window.length - 1) * vocabulary.length;
    tokens.push(draw(scores.subarray(last, last + vocabulary.length), temperature, prng));
  }
  await session.release();
  return tokens.map((token) => vocabulary[token] ?? "").join("");
}

/** An index, drawn with the chances that softmax(scores / temperature) gives. */
function draw(scores: Float32Array, temperature: number, prng: Prng): number {
  const top = Math.max(...scores);
  const weights = Array.from(scores, (score) => Math.exp((score - top) / temperature));
  let left = prng.float() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return index;
  }
  return weights.length - 1; // rounding left a little over
}

if (import.meta.main) {
  const [modelPath, vocabularyPath, prompt, characters = "400"] = process.argv.slice(2);
  if (modelPath === undefined || vocabularyPath === undefined || prompt === undefined) {
    console.error(
      'usage: npx node examples/chargpt/sample.ts MODEL.onnx VOCABULARY.json "To be" [CHARACTERS]',
    );
    process.exitCode = 1;
  } else {
    await tell(async () => {
      const vocabulary: unknown = JSON.parse(await readFile(vocabularyPath, "utf8"));
      assert(Array.isArray(vocabulary), `${vocabularyPath} is not the list that prepare.ts wrote`);
      const options = { characters: Number(characters), temperature: 0.8, prng: createPrng(Date.now()) };
      console.log(await sampleText(await readFile(modelPath), vocabulary.map(String), prompt, options));
    });
  }
}
