/** A workload as files that a peer in another language reads: case.json, and case.bin for the numbers. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildTrainProgram, type Tensor } from "@pingo/autograd";
import { assert } from "@pingo/core";
import { drawFields, programOptions, type Workload } from "./workload.ts";

export async function writeCase(workload: Workload, folder: string): Promise<void> {
  const options = programOptions(workload);
  const program = buildTrainProgram(workload.model(), options);
  const chunks: Uint8Array[] = [];
  let offset = 0;
  const add = (name: string, { dtype, shape, data }: Tensor) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    assert(bytes.byteLength % 8 === 0 || dtype === "float32", "numbers stay aligned");
    const entry = { name, dtype, shape, offset };
    const padding = new Uint8Array(-bytes.byteLength & 7);
    chunks.push(bytes, padding);
    offset += bytes.byteLength + padding.byteLength;
    return entry;
  };
  let at = 0;
  const weights = program.signature.parameters.map(({ name, shape }) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const data = program.initialWeights.subarray(at, at + length);
    at += length;
    return add(name, { dtype: "float32", shape, data });
  });
  const fields = [...drawFields(workload)].map(([name, tensor]) => add(name, tensor));
  const { name, loss, target, batchSize } = workload;
  const { adamw } = options.optimizer;
  const description = { workload: name, loss, target, batchSize, adamw, weights, fields };
  await writeFile(join(folder, "case.json"), JSON.stringify(description));
  await writeFile(join(folder, "case.bin"), Buffer.concat(chunks));
}
