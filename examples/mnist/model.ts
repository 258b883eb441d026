/**
 * The digit classifier of this example, defined in TypeScript: the same network as export_pytorch.py.
 *
 *     npx node examples/mnist/model.ts model.onnx
 */
import { defineModel, type Graph, writeModel } from "@pingo/autograd";

export function digitsModel(seed = 20261123): Graph {
  const image = { dtype: "float32", shape: ["batch", 1, 28, 28] } as const;
  return defineModel({ name: "digits", seed, inputs: { image } }, (b, inputs) => {
    let x = inputs.image;
    for (const outChannels of [16, 32]) {
      x = b.conv2d(x, { outChannels, kernel: 3, padding: 1 });
      x = b.maxPool2d(b.relu(b.batchNorm2d(x)), { kernel: 2 });
    }
    const hidden = b.relu(b.linear(b.flatten(x), { outFeatures: 32 }));
    return { logits: b.linear(hidden, { outFeatures: 10 }) };
  });
}

if (import.meta.main) {
  const { writeFile } = await import("node:fs/promises"); // only here: a page imports this file too
  const path = process.argv[2] ?? "model.onnx";
  await writeFile(path, writeModel(digitsModel()));
  console.log(`${path} is written`);
}
