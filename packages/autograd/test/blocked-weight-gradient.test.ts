/** Weight gradients by convolutions of blocks, beside the float64 evaluator, over any window and any sizes. */
import { assert } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Graph } from "../src/graph/graph.ts";
import { blockedConvolution } from "../src/lower/blocked-convolution.ts";
import { writeModel } from "../src/onnx/writer.ts";
import { evaluate } from "../src/reference/evaluate.ts";
import { referenceOf } from "../src/reference/value.ts";
import { convWeightGradient } from "../src/rules/convolution.ts";
import { Emitter, type Value } from "../src/rules/emitter.ts";
import { loadNativeOrt } from "../src/runtime/native-ort.ts";
import { channelBlockOf } from "../src/runtime/tune-program.ts";
import { random } from "./programs.ts";
import { floatsOf, openGraph } from "./run-graph.ts";

const BLOCK = await channelBlockOf(await loadNativeOrt());
/** Of float32 sums against float64 ones, over the largest element. */
const ERROR_MAX = 2e-6;

interface Axis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

const positionsOf = ({ size, kernel, stride, dilation, before, after }: Axis) =>
  Math.floor((size + before + after - (kernel - 1) * dilation - 1) / stride) + 1;

const arbAxis = fc
  .record({
    size: fc.integer({ min: 1, max: 9 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.integer({ min: 0, max: 3 }),
    after: fc.integer({ min: 0, max: 3 }),
  })
  .filter((axis) => positionsOf(axis) >= 1);
const arbCase = fc.record({
  height: arbAxis,
  width: arbAxis,
  images: fc.constantFrom(BLOCK, 2 * BLOCK),
  channels: fc.constantFrom(1, 3, BLOCK),
  maps: fc.constantFrom(BLOCK, 2 * BLOCK),
  seed: fc.nat(1000),
});

/** y = x ∗ w and dw, as a train step has them. */
function gradientGraph({
  height,
  width,
  images,
  channels,
  maps,
}: typeof arbCase extends fc.Arbitrary<infer C> ? C : never) {
  const axes = [height, width];
  const window = {
    kernel_shape: axes.map(({ kernel }) => kernel),
    strides: axes.map(({ stride }) => stride),
    dilations: axes.map(({ dilation }) => dilation),
    pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
  };
  const value = (name: string, shape: readonly number[]): Value => ({ name, dtype: "float32", shape });
  const x = value("x", [images, channels, height.size, width.size]);
  const w = value("w", [maps, channels, ...window.kernel_shape]);
  const dy = value("dy", [images, maps, positionsOf(height), positionsOf(width)]);
  const emit = new Emitter("step");
  const y = emit.conv(x, w, window, 1);
  const dw = convWeightGradient(emit, x, dy, { ...window, group: 1 }, w.shape);
  const named = ({ name, dtype, shape }: Value) => ({ name, type: { dtype, shape } });
  const graph: Graph = {
    name: "step",
    inputs: [x, w, dy].map(named),
    outputs: [y, dw].map(named),
    initializers: emit.constants,
    nodes: emit.nodes,
  };
  return { graph, x, w, dy, dw };
}

test.runIf(BLOCK > 1)("a lowered weight gradient is the exact one, whatever the window", async () => {
  let lowered = 0;
  await fc.assert(
    fc.asyncProperty(arbCase, async (drawn) => {
      const { graph, x, w, dy, dw } = gradientGraph(drawn);
      const bytes = writeModel(graph, [blockedConvolution(BLOCK)]);
      if (Buffer.from(bytes).includes(`${dw.name}/product`)) lowered += 1;
      const feeds = new Map(
        [x, w, dy].map(({ name, shape }, i) => [name, random(drawn.seed + i, [...shape], 1)]),
      );
      const exact = evaluate(graph, new Map([...feeds].map(([name, tensor]) => [name, referenceOf(tensor)])));
      const found = await (await openGraph(bytes))(feeds);
      for (const [name, tensor] of found) {
        const wanted = Array.from(exact.get(name)?.data ?? [], Number);
        expect(tensor.shape).toEqual(exact.get(name)?.shape);
        const scale = Math.max(1, ...wanted.map(Math.abs));
        const errors = floatsOf(tensor).map(
          (number, i) => Math.abs(number - (wanted[i] ?? Number.NaN)) / scale,
        );
        expect(Math.max(...errors), name).toBeLessThan(ERROR_MAX);
      }
    }),
    { numRuns: 150 },
  );
  expect(lowered).toBeGreaterThan(75); // the others have kernels of one column
});

test("what only looks like a weight gradient stays as it is", () => {
  const axis = { size: 6, kernel: 3, stride: 1, dilation: 1, before: 1, after: 1 };
  const drawn = { height: axis, width: axis, images: 16, channels: 16, maps: 16, seed: 1 };
  const { graph, dw } = gradientGraph(drawn);
  const isLowered = (given: Graph) =>
    Buffer.from(writeModel(given, [blockedConvolution(16)])).includes(`${dw.name}/product`);
  expect(isLowered(graph)).toBe(true);
  // A copy moved by one, or rows in another order, and it is another sum.
  const altered = graph.nodes.flatMap(
    ({ op, inputs }): readonly [string, (values: bigint[]) => bigint[]][] => {
      const constant = inputs[1] ?? "";
      if (op === "Pad")
        return [[constant, (widths) => widths.map((by, i) => (i === 3 ? by + 1n : i === 7 ? by - 1n : by))]];
      if (op === "Gather")
        return [[constant, ([first = 0n, second = 0n, ...rest]) => [second, first, ...rest]]];
      return [];
    },
  );
  expect(altered.length).toBeGreaterThan(4);
  for (const [name, alter] of altered) {
    const tensor = graph.initializers.get(name);
    assert(tensor?.dtype === "int64", name);
    const data = BigInt64Array.from(alter(Array.from(tensor.data, BigInt)));
    const initializers = new Map([...graph.initializers, [name, { ...tensor, data }]]);
    expect(isLowered({ ...graph, initializers }), name).toBe(false);
  }
});
