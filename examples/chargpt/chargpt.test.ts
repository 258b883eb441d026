import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildTrainProgram, openTrainer, readModel, withWeights, writeModel } from "@pingo/autograd";
import { createPrng } from "@pingo/core";
import { systemDisk } from "@pingo/core/system";
import { parseJobFile, prepareJob } from "@pingo/sdk";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepareText } from "./prepare.ts";
import { sampleText } from "./sample.ts";
import { encodeText, RARE, vocabularyOf, windowsOf } from "./text.ts";

const SIZE = { positions: 8, width: 16, heads: 2, layers: 1 };
/** 23 characters: the windows of 8 begin at each of them. */
const TEXT = "the cat sat on the mat.".repeat(200);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-chargpt-"));
  await writeFile(join(folder, "text.txt"), TEXT);
});
afterAll(() => rm(folder, { recursive: true }));

test("tokens are the text, character by character", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "binary" }), (text) => {
      const vocabulary = vocabularyOf(text);
      const back = Array.from(encodeText(text, vocabulary), (token) => vocabulary[token]).join("");
      expect(back).toBe(text);
    }),
  );
});

test("of too many characters the rare ones share a token", () => {
  const many = Array.from({ length: 300 }, (_, i) => String.fromCodePoint(0x4e00 + i));
  const vocabulary = vocabularyOf(`${many.join("")}${many.slice(0, 200).join("")}`);
  expect(vocabulary).toHaveLength(256);
  const rare = encodeText(many[299] ?? "", vocabulary);
  expect(vocabulary[rare[0] ?? 0]).toBe(RARE);
});

test("each position's target is the token after it", () => {
  const windows = windowsOf(
    Uint8Array.from({ length: 20 }, (_, i) => i),
    8,
  );
  expect(windows.get("tokens")).toMatchObject({
    shape: [2, 8],
    data: Uint8Array.from({ length: 16 }, (_, i) => i),
  });
  expect(windows.get("next")).toMatchObject({ data: Uint8Array.from({ length: 16 }, (_, i) => i + 1) });
});

test("the prepared job is valid, trains, and its model continues the text", async () => {
  const job = join(folder, "job");
  await prepareText(join(folder, "text.txt"), job, SIZE);
  const file = parseJobFile(await readFile(join(job, "job.yaml"), "utf8"), "job.yaml");
  const { train } = await prepareJob(file, { folder: job, disk: systemDisk });
  const model = readModel(await readFile(join(job, "model.onnx")));
  const batchSize = 16;
  const program = buildTrainProgram(model, {
    fields: train.fields,
    target: "next",
    loss: "softmax-cross-entropy",
    optimizer: file.optimizer,
    batchSize,
  });
  await using trainer = await openTrainer(program);
  await trainer.setFields(train.tensors);
  await trainer.reset(program.initialWeights);
  const prng = createPrng(2);
  const steps = 150;
  const rows = BigInt64Array.from({ length: steps * batchSize }, () => BigInt(prng.int(train.rows)));
  const losses = await trainer.run(rows, new Float32Array(steps).fill(0.01));
  expect(losses.at(-1)).toBeLessThan(0.5);
  const trained = writeModel(withWeights(model, program.signature, await trainer.weights()));
  const vocabulary: unknown = JSON.parse(await readFile(join(job, "vocabulary.json"), "utf8"));
  const options = { characters: 15, temperature: 0.05, prng: createPrng(3) };
  const text = await sampleText(trained, Array.isArray(vocabulary) ? vocabulary : [], "the cat s", options);
  expect(TEXT).toContain(text);
});
