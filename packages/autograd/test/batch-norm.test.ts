/** Batch norm in training mode, against its definition. */
import { assertDefined, createPrng } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Graph } from "../src/graph/graph.ts";
import { inferTypes } from "../src/graph/infer.ts";
import { trainingMode } from "../src/program/training-mode.ts";
import { Emitter } from "../src/rules/emitter.ts";
import { f32, floatsOf, node, openGraph } from "./run-graph.ts";

const EPSILON = 1e-5;
const ERROR_MAX = 2e-5;

/** Two rows and more: of one number a channel PyTorch refuses to take a variance. */
const arbCase = fc.record({
  seed: fc.nat({ max: 1_000_000 }),
  shape: fc.tuple(fc.integer({ min: 2, max: 4 }), fc.integer({ min: 1, max: 3 })),
  image: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
  momentum: fc.constantFrom(0, 0.1, 0.9, 1),
});

test("of vectors, signals, images and volumes: it normalizes by the batch, and the statistics follow as PyTorch's", async () => {
  await fc.assert(
    fc.asyncProperty(arbCase, async ({ seed, shape: [rows, channels], image, momentum }) => {
      const prng = createPrng(seed);
      const draw = (shape: readonly number[], low: number) =>
        f32(
          shape,
          Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => low + 2 * prng.float()),
        );
      const shape = [rows, channels, ...image];
      const x = draw(shape, -1);
      const state = ["scale", "bias", "mean", "variance"].map(
        (name, i) => [name, draw([channels], i === 3 ? 0.1 : -1)] as const,
      );
      const graph: Graph = {
        name: "norm",
        inputs: [{ name: "x", type: { dtype: "float32", shape } }],
        outputs: [{ name: "y", type: { dtype: "float32", shape } }],
        initializers: new Map(state),
        nodes: [
          node("BatchNormalization", ["x", "scale", "bias", "mean", "variance"], ["y"], {
            epsilon: EPSILON,
            momentum,
            training_mode: 0,
          }),
        ],
      };
      const emit = new Emitter("training");
      const statics = { nodes: graph.nodes, types: inferTypes(graph), constants: graph.initializers };
      const mode = trainingMode(statics, emit, { key: emit.scalar(1, "int64") });
      const next = ["mean", "variance"].map((name) => assertDefined(mode.nextStatistics.get(name), name));
      const run = await openGraph({
        ...graph,
        outputs: [
          ...graph.outputs,
          ...next.map(({ name }) => ({ name, type: { dtype: "float32", shape: [channels] } as const })),
        ],
        initializers: mode.graph.constants,
        nodes: [...mode.graph.nodes, ...emit.nodes],
      });
      const results = await run(new Map([["x", x]]));
      const value = (name: string) => floatsOf(new Map(state).get(name));
      const size = image.reduce((a, b) => a * b, 1);
      const elements = floatsOf(x);
      for (let c = 0; c < channels; c++) {
        const places = elements.map((_, i) => i).filter((i) => Math.trunc(i / size) % channels === c);
        const own = places.map((i) => elements[i] ?? 0);
        const mean = own.reduce((a, b) => a + b, 0) / own.length;
        const squares = own.reduce((sum, one) => sum + (one - mean) ** 2, 0);
        const [s, b] = [value("scale")[c] ?? 0, value("bias")[c] ?? 0];
        const follow = (before: number | undefined, batch: number) =>
          momentum * (before ?? 0) + (1 - momentum) * batch;
        const wanted = [
          follow(value("mean")[c], mean),
          follow(value("variance")[c], squares / (own.length - 1)),
          ...own.map((one) => ((one - mean) / Math.sqrt(squares / own.length + EPSILON)) * s + b),
        ];
        const y = floatsOf(results.get("y"));
        const found = [
          ...next.map(({ name }) => floatsOf(results.get(name))[c] ?? 0),
          ...places.map((i) => y[i] ?? 0),
        ];
        const scale = Math.max(1, ...wanted.map(Math.abs));
        for (const [i, want] of wanted.entries())
          expect(Math.abs((found[i] ?? Number.NaN) - want)).toBeLessThan(ERROR_MAX * scale);
      }
    }),
    { numRuns: 40 },
  );
});
