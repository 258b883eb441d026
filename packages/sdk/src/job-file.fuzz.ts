import { isFault } from "@pingo/core";
import { alter, type Edit } from "@pingo/core/testing";
import fc from "fast-check";
import { test } from "vitest";
import { parseCsv } from "./csv.ts";
import { readJobFile } from "./job-file.ts";

const JOB = `apiVersion: pingo/v1
kind: Train
name: tiny
model: ./model.onnx
data: { train: ./train.safetensors, test: ./test.csv }
objective: { loss: softmax-cross-entropy, target: label, metrics: [accuracy] }
optimizer: { adamw: { learningRate: 0.001, weightDecay: 0.01 }, clipNorm: 1 }
schedule: { rounds: 8, stepsPerRound: 120, batchSize: 32, secondsPerRound: 60 }
workers: { min: 2, max: 3, resources: { cpu: 1000m, memory: 512Mi } }
`;
const CSV = "a,label,b\n1,2,3.5\n-4,0,1e-3\n";

const arbEdits = fc.array(
  fc.record({
    at: fc.nat(),
    byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from("{}[],:&*!|>-\t\n \"'#%@"))),
    how: fc.constantFrom<Edit["how"]>("overwrite", "insert", "insert", "drop", "cut"),
  }),
  { minLength: 1, maxLength: 8 },
);
const altered = (text: string, edits: readonly Edit[]): string =>
  new TextDecoder().decode(alter(new TextEncoder().encode(text), edits));

test("job files that were altered: problems with a place, or a job; never a crash: 50,000", () => {
  const property = fc.property(arbEdits, (edits) => {
    const { job, problems } = readJobFile(altered(JOB, edits), "job.yaml");
    if (job === null && problems.length === 0) throw new Error("neither a job nor a problem");
    for (const { message } of problems) if (message.includes("\n")) throw new Error(`two lines: ${message}`);
  });
  fc.assert(property, { numRuns: 50_000 });
});

test("tables that were altered: 50,000", () => {
  const property = fc.property(arbEdits, (edits) => {
    try {
      parseCsv(altered(CSV, edits), "label", "t.csv");
    } catch (error) {
      if (!isFault(error)) throw error;
    }
  });
  fc.assert(property, { numRuns: 50_000 });
});
