import { readFileSync } from "node:fs";
import { readModel } from "/work/main/packages/autograd/src/onnx/reader.ts";
import { buildTrainProgram } from "/work/main/packages/autograd/src/program/train-program.ts";
import { buildEvaluationProgram } from "/work/main/packages/autograd/src/program/evaluation-program.ts";
import * as ort from "onnxruntime-node";
for (const name of ["mlp","cnn","gpt"]) {
  const dir = `/work/shared/fixtures/autograd/${name}/`;
  const model = readModel(readFileSync(dir+"model.onnx"));
  const c = JSON.parse(readFileSync(dir+"case.json","utf8"));
  const x = c.tensors.find(t=>t.role==="input"), t = c.tensors.find(t=>t.role==="target");
  const o = { fields:[{name:"x0",dtype:x.dtype,rowShape:x.shape.slice(1)},{name:"target",dtype:"int64",rowShape:t.shape.slice(1)}], target:"target", loss:"softmax-cross-entropy", adamw:{learningRate:1e-3,weightDecay:0.01,beta1:.9,beta2:.999,epsilon:1e-8}, batchSize:x.shape[0] } as const;
  for (const b of [x.shape[0], 5]) {
  const t0=performance.now();
  const p = buildTrainProgram(model, {...o, batchSize:b});
  const e = buildEvaluationProgram(model, {...o, batchSize:b});
  console.log(name, b, "built", performance.now()-t0, p.graph.length, p.signature.parameters.map(x=>x.name+":"+x.kind).join(" ").slice(0,200));
  const s = await ort.InferenceSession.create(p.graph, {intraOpNumThreads:1, logSeverityLevel:2});
  const s2 = await ort.InferenceSession.create(e.graph, {intraOpNumThreads:1, logSeverityLevel:2});
  console.log(s.outputNames.length, s2.outputNames, "expected loss", c.value);
  const bin = readFileSync(dir+"case.bin"); const buf = bin.buffer.slice(bin.byteOffset, bin.byteOffset+bin.length);
  const size = (sh)=>sh.reduce((a,b)=>a*b,1);
  const feeds: any = {};
  let at=0; const ef:any={};
  p.signature.parameters.forEach((q,i)=>{ const n=size(q.shape); const d=p.initialWeights.slice(at,at+n); at+=n;
    const k=q.kind==="trained"?"w":"s"; ef[`${k}/${i}`]=feeds[`${k}/${i}`]=new ort.Tensor("float32",d,q.shape);
    if(k==="w"){feeds[`m/${i}`]=new ort.Tensor("float32",new Float32Array(n),q.shape);feeds[`v/${i}`]=new ort.Tensor("float32",new Float32Array(n),q.shape);} });
  const rd=(t:any)=>new ort.Tensor(t.dtype, t.dtype==="int64"?new BigInt64Array(buf,t.offset,size(t.shape)):new Float32Array(buf,t.offset,size(t.shape)), t.shape);
  feeds["field/x0"]=rd(x); feeds["field/target"]=rd(t); ef["field/x0"]=rd(x); ef["field/target"]=rd(t);
  feeds.indices=new ort.Tensor("int64",BigInt64Array.from({length:b*2},(_,i)=>BigInt(i%b%x.shape[0])),[2,b]);
  feeds.learningRate=new ort.Tensor("float32",Float32Array.of(1e-3,1e-3),[2]);
  feeds.step=new ort.Tensor("float32",Float32Array.of(1,2),[2]);
  const r=await s.run(feeds); console.log("loss", r.loss.data);
  if (b===x.shape[0]) { // M after step... run 1 step lr 0
    feeds.indices=new ort.Tensor("int64",BigInt64Array.from({length:b},(_,i)=>BigInt(i)),[1,b]); feeds.learningRate=new ort.Tensor("float32",Float32Array.of(0),[1]); feeds.step=new ort.Tensor("float32",Float32Array.of(1),[1]);
    const r1=await s.run(feeds); let worst=0;
    p.signature.parameters.forEach((q,i)=>{ if(q.kind!=="trained")return; const g=c.tensors.find(t=>t.role==="gradient"&&t.name===q.name); if(!g){console.log("no gradient given for",q.name);return;}
      const G=rd(g).data as Float32Array, M=r1[`m/${i}/next`].data as Float32Array; let err=0,mx=0; G.forEach((v,j)=>{err=Math.max(err,Math.abs(v-M[j]));mx=Math.max(mx,Math.abs(v))}); worst=Math.max(worst,err/mx); if(err/mx>1e-4)console.log("BAD",q.name,err,mx); });
    console.log("worst rel", worst, "graded", c.tensors.filter(t=>t.role==="gradient").length);
  }
  const re=await s2.run(ef); console.log("eval", re.lossSum.data[0]/Number(re.count.data[0]), re.correct.data, re.count.data);
  }
}
