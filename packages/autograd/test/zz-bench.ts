import { buildTrainProgram } from "../src/program/train-program.ts";
import { readModel } from "../src/onnx/reader.ts";
import * as ort from "onnxruntime-node";
import type { Graph } from "../src/graph/graph.ts";
const rnd=(n,s)=>Float32Array.from({length:n},()=>(Math.random()*2-1)*s);
const T=(shape,s)=>({dtype:"float32" as const,shape,data:rnd(shape.reduce((a,b)=>a*b,1),s)});
const N=(op,inputs,outputs,attributes={})=>({op,name:op+outputs[0],inputs,outputs,attributes});
const V=(name,dtype,shape)=>({name,type:{dtype,shape}});
const gemm={alpha:1,beta:1,transA:0,transB:1};
const lin=(i,o)=>[T([o,i],1/Math.sqrt(i)),T([o],.01)];
function mlp():any{ const [w1,b1]=lin(784,512),[w2,b2]=lin(512,512),[w3,b3]=lin(512,10);
 return {name:"m",inputs:[V("x","float32",["b",784])],outputs:[V("y","float32",["b",10])],initializers:new Map(Object.entries({w1,b1,w2,b2,w3,b3})),
 nodes:[N("Gemm",["x","w1","b1"],["h1"],gemm),N("Relu",["h1"],["r1"]),N("Gemm",["r1","w2","b2"],["h2"],gemm),N("Relu",["h2"],["r2"]),N("Gemm",["r2","w3","b3"],["y"],gemm)]};}
function cnn(c1,c2,h):any{ const win={kernel_shape:[3,3],strides:[1,1],dilations:[1,1],pads:[1,1,1,1],group:1}; const pool={kernel_shape:[2,2],strides:[2,2],dilations:[1,1],pads:[0,0,0,0],ceil_mode:0,storage_order:0};
 const [w3,b3]=lin(c2*49,h),[w4,b4]=lin(h,10);
 return {name:"m",inputs:[V("x","float32",["b",1,28,28])],outputs:[V("y","float32",["b",10])],initializers:new Map(Object.entries({w1:T([c1,1,3,3],.3),b1:T([c1],.01),w2:T([c2,c1,3,3],.1),b2:T([c2],.01),w3,b3,w4,b4})),
 nodes:[N("Conv",["x","w1","b1"],["a"],win),N("Relu",["a"],["ar"]),N("MaxPool",["ar"],["p"],pool),N("Conv",["p","w2","b2"],["c"],win),N("Relu",["c"],["cr"]),N("MaxPool",["cr"],["q"],pool),N("Flatten",["q"],["f"],{axis:1}),N("Gemm",["f","w3","b3"],["h"],gemm),N("Relu",["h"],["hr"]),N("Gemm",["hr","w4","b4"],["y"],gemm)]};}
async function bench(name,model,row,B,K){ const rows=1024;
 const o={fields:[{name:"x",dtype:"float32",rowShape:row},{name:"t",dtype:"int64",rowShape:[]}],target:"t",loss:"softmax-cross-entropy",adamw:{learningRate:1e-3,weightDecay:.01,beta1:.9,beta2:.999,epsilon:1e-8},batchSize:B} as const;
 const t0=performance.now(); const p=buildTrainProgram(model,o); const t1=performance.now();
 const g=readModel(p.graph); const body=(g.nodes.find(n=>n.op==="Scan") as any).attributes.body;
 const s=await ort.InferenceSession.create(p.graph,{intraOpNumThreads:1, enableProfiling: process.env.PROF?true:false, profileFilePrefix:"/tmp/pingo/prof_"+name}); const t2=performance.now();
 const n=row.reduce((a,b)=>a*b,1); let st:any={}; let at=0;
 p.signature.parameters.forEach((q,i)=>{const k=q.shape.reduce((a,b)=>a*b,1); st[`w/${i}`]=new ort.Tensor("float32",p.initialWeights.slice(at,at+k),q.shape); at+=k; for(const c of "mv")st[`${c}/${i}`]=new ort.Tensor("float32",new Float32Array(k),q.shape);});
 const fx=new ort.Tensor("float32",rnd(rows*n,1),[rows,...row]), ft=new ort.Tensor("int64",BigInt64Array.from({length:rows},(_,i)=>BigInt(i%10)),[rows]);
 const times=[]; let loss;
 for(let r=0;r<8;r++){ const a=process.cpuUsage().user/1000+process.cpuUsage().system/1000; const out=await s.run({...st,"field/x":fx,"field/t":ft,indices:new ort.Tensor("int64",BigInt64Array.from({length:K*B},(_,i)=>BigInt((i*7+r)%rows)),[K,B]),learningRate:new ort.Tensor("float32",new Float32Array(K).fill(1e-3),[K]),step:new ort.Tensor("float32",Float32Array.from({length:K},(_,k)=>r*K+k+1),[K])}); times.push((process.cpuUsage().user/1000+process.cpuUsage().system/1000-a)/K); for(const k of Object.keys(st)) st[k]=out[k+"/next"]; loss=out.loss.data; }
 times.sort((a,b)=>a-b);
 console.log(name,"nodes inside",body.nodes.length,"outside",g.nodes.length-1,"bytes",p.graph.length,"build ms",(t1-t0).toFixed(1),"session ms",(t2-t1).toFixed(0),"ms/step min",times[0].toFixed(2),"median",times[4].toFixed(2),"loss",loss.at(-1));
 if(process.env.PROF) s.endProfiling();
}
await bench("mlp",mlp(),[784],128,16);
await bench("cnn16",cnn(16,32,64),[1,28,28],64,8);
await bench("cnn32",cnn(32,64,128),[1,28,28],64,4);
