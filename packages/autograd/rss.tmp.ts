import * as ortns from "onnxruntime-node"; const IS:any=ortns.InferenceSession; const orig=IS.create.bind(IS); IS.create=(b:any,o:any)=>orig(b,{...o,...JSON.parse(process.env.SO??"{}")});
import { readFileSync } from "node:fs";
import { buildTrainProgram, openTrainer, startTrainer, readModel } from "./src/index.ts";
import { createSampler } from "../training/src/sample.ts";
const mb = (l: string) => console.log(l, (process.memoryUsage().rss/2**20).toFixed(0), "ext", (process.memoryUsage().external/2**20).toFixed(0), "heap", (process.memoryUsage().heapTotal/2**20).toFixed(0));
mb("start");
const model = readModel(readFileSync("/work/main/examples/mnist/model.onnx"));
mb("model");
const fields = [{name:"image",dtype:"float32",rowShape:[1,28,28]},{name:"label",dtype:"int64",rowShape:[]}] as const;
const program = buildTrainProgram(model, {fields: fields as never, target:"label", loss:"softmax-cross-entropy", adamw: {learningRate: 0.002, weightDecay: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8}, batchSize: 64});
mb("program");
const trainer = await (process.argv[2]==="worker" ? startTrainer : openTrainer)(program);
mb("session");
const n = 2667;
await trainer.setFields(new Map([["image",{dtype:"float32",shape:[n,1,28,28],data:new Float32Array(n*784).map((_,i)=>Math.sin(i))}],["label",{dtype:"int64",shape:[n],data:BigInt64Array.from({length:n},(_,i)=>BigInt(i%10))}]]) as never);
mb("fields");
await trainer.reset(program.initialWeights);
const s = createSampler({rows:n,batchSize:64,seed:1});
for (const K of [8,8,8,8,8]) { const t=performance.now(); await trainer.run(s.draw(K), new Float32Array(K).fill(0.002)); mb(`run K=${K} ${((performance.now()-t)/K).toFixed(1)}ms/step`); }
for (const K of [1,1,4,16]) { const t=performance.now(); await trainer.run(s.draw(K), new Float32Array(K).fill(0.002)); mb(`run K=${K} ${((performance.now()-t)/K).toFixed(1)}ms/step`); }
await trainer[Symbol.asyncDispose]();
mb("disposed");
