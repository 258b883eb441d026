import { readFileSync } from "node:fs";
import { defineModel, buildEvaluationProgram, buildTrainProgram, openEvaluator, openTrainer, readModel } from "@pingo/autograd";
import { cidOfBytes } from "@pingo/core";
import { readDigits, tensorsOf } from "../../examples/mnist/prepare.ts";
import { aggregate, outerStep, planUnits, runUnit } from "./src/index.ts";
const [units, rounds, steps, lr, m, alr] = process.argv.slice(2).map(Number);
const model = process.env.CNN ? readModel(readFileSync("/work/main/examples/mnist/model.onnx")) : defineModel({name:"mlp",seed:1,inputs:{image:{dtype:"float32",shape:["batch",1,28,28]}}},(b,{image})=>({logits:b.linear(b.relu(b.linear(b.flatten(image),{outFeatures:64})),{outFeatures:10})}));
const fields = [{name:"image",dtype:"float32",rowShape:[1,28,28]},{name:"label",dtype:"int64",rowShape:[]}] as const;
const adamw = {learningRate: alr ?? 0.002, weightDecay: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8};
const options = {fields: fields as never, target:"label", loss:"softmax-cross-entropy" as const, adamw, batchSize: 64};
const program = buildTrainProgram(model, options);
const evaluation = buildEvaluationProgram(model, options);
const digits = await readDigits();
const rows = Number(process.env.ROWS ?? 8000);
const S = 12; const per = Math.floor(rows / S);
const clock = { nowUnixMs: () => Date.now(), monotonicMs: () => performance.now(), sleep: async () => {} };
const cid = cidOfBytes(new Uint8Array(1));
const shards = Array.from({length: S}, (_, i) => ({cid: cidOfBytes(Uint8Array.of(i)), rows: per, sizeBytes: 1}));
const index = new Map(shards.map((s, i) => [s.cid, i]));
const job: any = {schedule:{rounds, stepsPerRound: steps, batchSize:64, secondsPerRound: 1000}, optimizer:{adamw}, seed: 7};
await using trainer = await openTrainer(program);
await using evaluator = await openEvaluator(evaluation);
let state: any = {weights: program.initialWeights, momentum: new Float32Array(program.initialWeights.length)};
const t0 = performance.now();
const test = tensorsOf(digits, 8000, 10000);
const line: string[] = [];
for (let round = 1; round <= rounds!; round++) {
  const us = planUnits({job, jobId: cid, manifest: {kind:"pingo/dataset/v1", rows: per*S, fields: fields as never, shards}, round, program: cid, weights: cid, workers: units!});
  const updates = [];
  let loss = 0;
  for (const u of us) {
    const parts = u.shards.map((s) => index.get(s.cid)!);
    const image = new Float32Array(parts.length*per*784); const label = new BigInt64Array(parts.length*per);
    parts.forEach((p, k) => { image.set(digits.image.subarray(p*per*784,(p+1)*per*784), k*per*784); label.set(digits.label.subarray(p*per,(p+1)*per), k*per); });
    await trainer.setFields(new Map([["image",{dtype:"float32",shape:[parts.length*per,1,28,28],data:image}],["label",{dtype:"int64",shape:[parts.length*per],data:label}]]) as never);
    const r = await runUnit(u, {trainer, weights: state.weights, rows: parts.length*per}, {clock});
    updates.push(r); loss += r.lossMean/us.length;
  }
  const mean = aggregate(updates, program.signature);
  state = outerStep({...state, mean, signature: program.signature, settings: {learningRate: lr!, momentum: m!}});
  const e = await evaluator.evaluate(state.weights, test);
  line.push(`${(100*e.accuracy).toFixed(2)}/${e.loss.toFixed(3)}`);
}
console.log(`U${units} R${rounds} H${steps} lr${lr} m${m} alr${adamw.learningRate} rows${rows}: ${line.join(" ")} | ${((performance.now()-t0)/1000).toFixed(1)}s rss ${(process.memoryUsage().rss/2**20).toFixed(0)}MiB`);
