/** What other files try on the native build, on WebAssembly too; and which bits are the same where. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Graph, GraphValue } from "../src/graph/graph.ts";
import type { Window } from "../src/graph/ops/spec.ts";
import { isOpKind, OPS, type OpKind } from "../src/graph/ops.ts";
import { caseFeeds, caseGraph } from "../src/graph/testing/case-graph.ts";
import type { OpCase } from "../src/graph/testing/op-cases/draw.ts";
import { drawCase, OP_KINDS } from "../src/graph/testing/op-cases.ts";
import { evaluate } from "../src/reference/evaluate.ts";
import { referenceOf } from "../src/reference/value.ts";
import { BACKWARD } from "../src/rules/backward.ts";
import { noGradient, stopsGradient } from "../src/rules/rule.ts";
import { CASES } from "./gradients/cases.ts";
import { type Case, gradientErrors } from "./gradients/check.ts";
import { type Draw, drawFrom } from "./gradients/draw.ts";
import { floatsOf, openGraph } from "./run-graph.ts";

const RUNS = 4;
/** Of float32 against float64, over the larger of 1 and the largest element. */
const ERROR_MAX = 1e-4;

const kinds: readonly OpKind[] = Object.keys(OPS).filter(isOpKind);
const differentiable = kinds.filter((op) => BACKWARD[op] !== stopsGradient && BACKWARD[op] !== noGradient);

/**
 * onnxruntime-web 1.30.0 counts a last window that starts beyond the input, where the strides are longer than the
 * kernel, and then refuses the sizes that its own kernel makes; the native build does not.
 */
function mayStartBeyond(attributes: object): boolean {
  const window = attributes as Partial<Window & { readonly ceil_mode: number }>; // SAFETY: read where it is there
  const { ceil_mode: ceil = 0, kernel_shape: kernel = [], strides = [] } = window;
  return ceil !== 0 && kernel.some((size, i) => size < (strides[i] ?? 1));
}

/**
 * The kernels of both builds make the same sizes; onnxruntime-web holds a graph that declares them against ONNX's own
 * inference, which differs for Einsum's letters of size 1 and for pools that round up.
 */
function withOpenOutputs(graph: Graph): Graph {
  const open = ({ name, type }: GraphValue): GraphValue => {
    return { name, type: { ...type, shape: type.shape.map((_, axis) => `${name}:${axis}`) } };
  };
  return { ...graph, outputs: graph.outputs.map(open) };
}

/** ONNX infers that no axes are no axes; ONNX Runtime's kernels squeeze all. */
function squeezesNone(op: OpKind, { inputs }: OpCase): boolean {
  return op === "Squeeze" && inputs[1]?.tensor.data.length === 0;
}

describe("on WebAssembly, the result agrees with the float64 evaluator", () => {
  test.for<OpKind>(OP_KINDS)("%s", async (op) => {
    const agrees = async (seed: number) => {
      const drawn = drawCase(op, seed);
      const isRandom = op === "Dropout" && drawn.inputs[2]?.tensor.data[0] === 1;
      fc.pre(!isRandom && !mayStartBeyond(drawn.attributes) && !squeezesNone(op, drawn));
      const graph = caseGraph(op, drawn);
      const feeds = caseFeeds(drawn);
      const wanted = evaluate(graph, new Map([...feeds].map(([name, x]) => [name, referenceOf(x)])));
      const found = await (await openGraph(withOpenOutputs(graph), "wasm"))(feeds);
      for (const [name, tensor] of found) {
        const exact = Array.from(wanted.get(name)?.data ?? [], Number);
        expect({ name, shape: wanted.get(name)?.shape }).toEqual({ name, shape: tensor.shape });
        const scale = Math.max(1, ...exact.filter(Number.isFinite).map(Math.abs));
        const errors = floatsOf(tensor).map((x, i) =>
          Object.is(x, exact[i]) || x === exact[i] ? 0 : Math.abs(x - (exact[i] ?? Number.NaN)) / scale,
        );
        expect(Math.max(0, ...errors), `seed ${seed}, ${name}`).toBeLessThan(ERROR_MAX);
      }
    };
    await fc.assert(fc.asyncProperty(fc.nat(), agrees), { numRuns: RUNS });
  });
});

describe("on WebAssembly, the gradient agrees with the float64 evaluator", () => {
  test.for(differentiable)("%s", async (op) => {
    // SAFETY: the row of an operator makes cases of that operator.
    const make = CASES[op] as (draw: Draw) => Case<OpKind>;
    const agrees = async (seed: number) => {
      const { rounding } = await gradientErrors(op, make(drawFrom(seed)), seed, "wasm");
      expect(rounding).toBeLessThan(ERROR_MAX);
    };
    await fc.assert(fc.asyncProperty(fc.nat({ max: 1_000_000 }), agrees), { numRuns: RUNS });
  });
});

const CHILD = fileURLToPath(new URL("./bits-child.ts", import.meta.url));
const hashesOf = (...words: readonly string[]): string =>
  execFileSync(process.execPath, [CHILD, ...words], { encoding: "utf8" });

test.for(["native", "native tuned", "wasm"])("training gives the same bits in every process, %s", (how) => {
  const words = how.split(" ");
  const first = hashesOf(...words);
  expect(Object.values(JSON.parse(first))).toHaveLength(4);
  expect(hashesOf(...words)).toBe(first);
});

test("WebAssembly's bits are the same whether tuning is asked for or not", () => {
  expect(hashesOf("wasm", "tuned")).toBe(hashesOf("wasm"));
});
