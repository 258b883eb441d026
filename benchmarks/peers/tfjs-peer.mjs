/** TensorFlow.js on WebAssembly as a contestant: node tfjs-peer.mjs FOLDER. The lines: ../src/autograd/contestant.ts. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

const VERSION = "4.22.0";
/** What it cannot do there, or nobody wrote. */
const ABSENT = {
  cnn: "its WebAssembly backend has no gradient of convolution's weights (Conv2DBackpropFilter)",
  resnet8: "its WebAssembly backend has no gradient of convolution's weights (Conv2DBackpropFilter)",
  unet: "its WebAssembly backend has no gradient of convolution's weights (Conv2DBackpropFilter)",
  gpt: "gpt is not written for it",
};

const folder = process.argv[2] ?? ".";
const description = JSON.parse(readFileSync(join(folder, "case.json"), "utf8"));
if (description.workload in ABSENT) say({ skipped: ABSENT[description.workload] });
else await serve();

async function serve() {
  const files = dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"));
  setWasmPaths(`${files}/`);
  await tf.setBackend("wasm");
  const { adamw, batchSize, target } = description;
  const bytes = readFileSync(join(folder, "case.bin"));
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const numbers = ({ dtype, shape, offset }) => {
    const length = shape.reduce((product, size) => product * size, 1);
    return dtype === "float32"
      ? new Float32Array(buffer, offset, length)
      : Int32Array.from(new BigInt64Array(buffer, offset, length), Number);
  };
  const weights = description.weights.map((entry) => tf.variable(tf.tensor(numbers(entry), entry.shape)));
  const x = description.fields.find(({ name }) => name !== target);
  const labels = description.fields.find(({ name }) => name === target);
  const [inputs, targets] = [tf.tensor(numbers(x), x.shape), tf.tensor1d(numbers(labels), "int32")];
  // Adam without decay: it has no AdamW, which does one product more.
  const optimizer = tf.train.adam(adamw.learningRate, adamw.beta1, adamw.beta2, adamw.epsilon);
  const [w1, b1, w2, b2, w3, b3] = weights;
  const linear = (rows, weight, bias) => tf.add(tf.matMul(rows, weight, false, true), bias);
  const lossOf = (rows, answers) => {
    const logits = linear(tf.relu(linear(tf.relu(linear(rows, w1, b1)), w2, b2)), w3, b3);
    return tf.losses.softmaxCrossEntropy(tf.oneHot(answers, 10), logits);
  };
  let done = 0;
  say({ name: `tfjs-wasm ${VERSION}` });
  for await (const line of createInterface(process.stdin)) {
    const { steps } = JSON.parse(line);
    const losses = [];
    const cpuBefore = process.cpuUsage();
    const wallBefore = performance.now();
    for (let i = 0; i < steps; i++) {
      const first = (done * batchSize) % labels.shape[0];
      const loss = tf.tidy(() =>
        optimizer.minimize(
          () => lossOf(tf.slice(inputs, first, batchSize), tf.slice(targets, first, batchSize)),
          true,
        ),
      );
      losses.push(loss.dataSync()[0]);
      loss.dispose();
      done++;
    }
    const wallMs = performance.now() - wallBefore;
    const { user, system } = process.cpuUsage(cpuBefore);
    say({ wallMs, cpuMs: (user + system) / 1000, losses });
  }
  say({ peakBytes: 1024 * process.resourceUsage().maxRSS });
  process.exit();
}

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
