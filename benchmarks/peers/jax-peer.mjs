/** jax-js as a contestant: node jax-peer.mjs FOLDER. The lines it speaks: ../src/autograd/contestant.ts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { defaultDevice, init, jit, lax, nn, numpy as np, valueAndGrad } from "@jax-js/jax";

const VERSION = "0.1.25";
const folder = process.argv[2] ?? ".";

/** Arrays are consumed by each use: `ref` keeps one for another. */
const MODELS = {
  mlp: (weights, x) => {
    const [w1, b1, w2, b2, w3, b3] = weights;
    const h1 = nn.relu(linear(x, w1, b1));
    return linear(nn.relu(linear(h1, w2, b2)), w3, b3);
  },
  cnn: (weights, x) => {
    const [c1, d1, c2, d2, w1, b1, w2, b2] = weights;
    const layer = (value, kernel, bias) => {
      const y = lax.convGeneralDilated(value, kernel, [1, 1], "SAME").add(bias.reshape([-1, 1, 1]));
      return maxPool(nn.relu(y));
    };
    const flat = layer(layer(x, c1, d1), c2, d2);
    const rows = flat.reshape([flat.shape[0], -1]);
    return linear(nn.relu(linear(rows, w1, b1)), w2, b2);
  },
  resnet8: (weights, x) => {
    const take = [...weights];
    const next = () => take.shift();
    const convNorm = (value, stride, pad) => {
      const y = lax.convGeneralDilated(
        value,
        next(),
        [stride, stride],
        [
          [pad, pad],
          [pad, pad],
        ],
      );
      const normed = batchNorm(y, next(), next());
      // Running statistics, which a step of ours and of PyTorch's keeps: they move no weight.
      next().dispose();
      next().dispose();
      return normed;
    };
    let body = nn.relu(convNorm(x, 1, 1));
    for (const width of [16, 32, 64]) {
      const widens = body.shape[1] !== width;
      const stride = widens ? 2 : 1;
      const second = convNorm(nn.relu(convNorm(body.ref, stride, 1)), 1, 1);
      const passed = widens ? convNorm(body, stride, 0) : body;
      body = nn.relu(second.add(passed));
    }
    return linear(np.mean(body, [2, 3]), next(), next());
  },
  gpt: (weights, tokens) => {
    const take = [...weights];
    const next = () => take.shift();
    const [batch, positions] = tokens.shape;
    const table = next();
    let x = np.matmul(nn.oneHot(tokens, 256), table).add(next());
    for (let layer = 0; layer < 4; layer++) {
      const normed = layerNorm(x.ref, next(), next());
      const joined = linear(normed, next(), next()).reshape([batch, positions, 3, 4, 32]);
      const [q, k, v] = np
        .split(joined.transpose([2, 0, 3, 1, 4]), 3, 0)
        .map((part) => part.reshape([batch, 4, positions, 32]));
      const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(32 ** -0.5);
      const blocked = np.tri(positions).sub(1).mul(1e9);
      const mixed = np.matmul(nn.softmax(scores.add(blocked), -1), v);
      const merged = mixed.transpose([0, 2, 1, 3]).reshape([batch, positions, 128]);
      x = x.add(linear(merged, next(), next()));
      const again = layerNorm(x.ref, next(), next());
      const wide = gelu(linear(again, next(), next()));
      x = x.add(linear(wide, next(), next()));
    }
    const last = layerNorm(x, next(), next());
    return np.matmul(last, next().transpose()).reshape([batch * positions, 256]);
  },
};

function linear(x, weight, bias) {
  return np.matmul(x, weight.transpose()).add(bias);
}

function maxPool(x) {
  const [n, c, h, w] = x.shape;
  return np.max(x.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
}

function batchNorm(x, scale, bias) {
  const axes = [0, 2, 3];
  const centred = x.ref.sub(np.mean(x, axes, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), axes, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(scale.reshape([-1, 1, 1]))
    .add(bias.reshape([-1, 1, 1]));
}

function layerNorm(x, scale, bias) {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(scale)
    .add(bias);
}

function gelu(x) {
  return x.ref.mul(lax.erf(x.mul(Math.SQRT1_2)).add(1)).mul(0.5);
}

const description = JSON.parse(readFileSync(join(folder, "case.json"), "utf8"));
/** What it cannot do in a benchmark's time. */
const ABSENT = {
  unet: "not tried: it has ten times the convolutions of resnet8, whose first step takes it half a minute",
};
const model = MODELS[description.workload];
if (model === undefined) {
  say({ skipped: ABSENT[description.workload] ?? `${description.workload} is not written for it` });
} else {
  await init("wasm");
  defaultDevice("wasm");
  await serve();
}

async function serve() {
  const { adamw, batchSize, target } = description;
  const bytes = readFileSync(join(folder, "case.bin"));
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const numbers = ({ dtype, shape, offset }) => {
    const length = shape.reduce((product, size) => product * size, 1);
    return dtype === "float32"
      ? new Float32Array(buffer, offset, length)
      : Int32Array.from(new BigInt64Array(buffer, offset, length), Number);
  };
  const fields = description.fields.map((entry) => ({ ...entry, data: numbers(entry) }));
  const rowsOf = ({ shape, data }, first) => {
    const size = data.length / shape[0];
    const part = data.slice(first * size, (first + batchSize) * size);
    return np.array(part, {
      shape: [batchSize, ...shape.slice(1)],
      dtype: data instanceof Int32Array ? np.int32 : np.float32,
    });
  };
  const lossOf = (weights, x, y) => {
    const logs = nn.logSoftmax(model(weights, x), -1);
    const hot = nn.oneHot(y.reshape([-1]), logs.shape[1]);
    const count = logs.shape[0];
    return np.sum(logs.mul(hot)).mul(-1 / count);
  };
  const { learningRate, weightDecay, beta1, beta2, epsilon } = adamw;
  const step = jit((weights, m, v, t, x, y) => {
    const [loss, slopes] = valueAndGrad(lossOf)(
      weights.map((w) => w.ref),
      x,
      y,
    );
    const first = np.subtract(1, np.power(beta1, t.ref));
    const second = np.subtract(1, np.power(beta2, t));
    const next = { w: [], m: [], v: [] };
    for (const [i, weight] of weights.entries()) {
      const g = slopes[i];
      const mi = m[i].mul(beta1).add(g.ref.mul(1 - beta1));
      const vi = v[i].mul(beta2).add(np.square(g).mul(1 - beta2));
      const direction = mi.ref.div(first.ref).div(np.sqrt(vi.ref.div(second.ref)).add(epsilon));
      const keep = weight.shape.length >= 2 ? 1 - learningRate * weightDecay : 1;
      next.w.push(weight.mul(keep).sub(direction.mul(learningRate)));
      next.m.push(mi);
      next.v.push(vi);
    }
    first.dispose();
    second.dispose();
    return [loss, next.w, next.m, next.v];
  });
  let weights = description.weights.map((entry) => np.array(numbers(entry).slice(), { shape: entry.shape }));
  let m = description.weights.map(({ shape }) => np.zeros(shape));
  let v = description.weights.map(({ shape }) => np.zeros(shape));
  let done = 0;
  const [input] = fields.filter(({ name }) => name !== target);
  const labels = fields.find(({ name }) => name === target);
  say({ name: `jax-js ${VERSION}` });
  for await (const line of createInterface(process.stdin)) {
    const { steps } = JSON.parse(line);
    const losses = [];
    const cpuBefore = process.cpuUsage();
    const wallBefore = performance.now();
    for (let i = 0; i < steps; i++) {
      const first = (done * batchSize) % labels.shape[0];
      const [loss, ...state] = step(
        weights,
        m,
        v,
        np.array(done + 1, { dtype: np.float32 }),
        rowsOf(input, first),
        rowsOf(labels, first),
      );
      [weights, m, v] = state;
      losses.push(loss.js());
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
