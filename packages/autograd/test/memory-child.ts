/**
 * Runs a program that another process built, and prints what that added to this one's memory: memory-child.ts FILE.
 *
 * The kernel's own peak of this process is read where there is one: what getrusage tells is never below what the parent
 * had when it started us.
 */
import { readFileSync } from "node:fs";
import { deserialize } from "node:v8";
import type { Tensor } from "../src/graph/tensor.ts";
import type { TrainProgram } from "../src/program/train-program.ts";
import { openTrainer } from "../src/runtime/open-trainer.ts";
import type { Backend } from "../src/runtime/ort.ts";

export interface MemoryTask {
  readonly program: TrainProgram;
  readonly fields: ReadonlyMap<string, Tensor>;
  readonly stepsPerCall: number;
  readonly calls: number;
  /** "native" unless given. */
  readonly backend?: Backend;
}

export interface MemoryReport {
  readonly measuredBytes: number;
  /** The memory of onnxruntime-web's module, which only grows; 0 where none was loaded. */
  readonly heapBytes: number;
  readonly losses: readonly number[];
}

// SAFETY: memory.test.ts wrote it.
const task = deserialize(readFileSync(process.argv[2] ?? "")) as MemoryTask;
const { program, fields, stepsPerCall, calls, backend = "native" } = task;
const memories = seenMemories();
const rows = fields.values().next().value?.shape[0] ?? 0;
globalThis.gc?.();
const before = residentBytes("VmRSS") ?? process.memoryUsage().rss;
await using trainer = await openTrainer(program, { backend });
await trainer.setFields(fields);
await trainer.reset(program.initialWeights);
const drawn = stepsPerCall * program.signature.batchSize;
const indices = BigInt64Array.from({ length: drawn }, (_, i) => BigInt(i % rows));
const losses: number[] = [];
for (let call = 0; call < calls; call++)
  losses.push(...(await trainer.run(indices, new Float32Array(stepsPerCall).fill(0.001))));
const peakBytes = residentBytes("VmHWM") ?? process.resourceUsage().maxRSS * 1024;
const heapBytes = memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
const report: MemoryReport = { measuredBytes: peakBytes - before, heapBytes, losses };
process.stdout.write(JSON.stringify(report));

/** Of WebAssembly, the part used here: our types are those of Node. */
interface WasmMemory {
  readonly buffer: ArrayBufferLike;
}
interface WasmScope {
  readonly WebAssembly: { Memory: new (descriptor: unknown) => WasmMemory };
}

/** onnxruntime-web keeps its memory to itself, so what is made is remembered. */
function seenMemories(): readonly WasmMemory[] {
  const seen: WasmMemory[] = [];
  // SAFETY: Node has WebAssembly.
  const { WebAssembly } = globalThis as unknown as WasmScope;
  WebAssembly.Memory = class extends WebAssembly.Memory {
    constructor(descriptor: unknown) {
      super(descriptor);
      seen.push(this);
    }
  };
  return seen;
}

/** SOURCE: proc_pid_status(5). */
function residentBytes(what: "VmRSS" | "VmHWM"): number | undefined {
  if (process.platform !== "linux") return undefined;
  const kib = new RegExp(`^${what}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}
