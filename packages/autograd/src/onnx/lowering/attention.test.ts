/** Attention that goes on from keys and values of earlier calls, against ONNX Runtime's. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Tensor } from "../../graph/tensor.ts";
import { checkGradients } from "../../reference/check-gradients.ts";
import { readModel } from "../reader.ts";
import { distance, type FileNode, fileModel, float, int, wave } from "../testing/file-model.ts";
import { runOnnx } from "../testing/run-onnx.ts";
import { writeModel } from "../writer.ts";

const ERROR_MAX = 2e-6;
const OUTPUTS = ["y", "keys", "values"];

interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly sharing: number;
  readonly queries: number;
  readonly past: number;
  readonly width: number;
}

const arbSizes: fc.Arbitrary<Sizes> = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 2 }),
  sharing: fc.integer({ min: 1, max: 2 }),
  queries: fc.integer({ min: 1, max: 3 }),
  past: fc.integer({ min: 1, max: 4 }),
  width: fc.integer({ min: 1, max: 3 }),
});

function bools(shape: readonly number[], values: Iterable<number>): Tensor {
  return { dtype: "bool", shape, data: Uint8Array.from(values) };
}

async function expectSame(init: Parameters<typeof fileModel>[0]): Promise<void> {
  const bytes = fileModel(init);
  const expected = await runOnnx(bytes, init.inputs);
  const found = await runOnnx(writeModel(readModel(bytes)), init.inputs);
  for (const [name, want] of expected) {
    expect(found.get(name)?.shape, name).toEqual(want.shape);
    expect(distance(found.get(name), want), name).toBeLessThan(ERROR_MAX);
  }
}

test("ONNX's own, with any mask, is what ONNX Runtime makes of it", async () => {
  const arbMask = fc.constantFrom("none", "added", "bools");
  await fc.assert(
    fc.asyncProperty(arbSizes, arbMask, fc.boolean(), fc.boolean(), async (sizes, kind, isCausal, isFlat) => {
      const { batch, heads, sharing, queries, past, width } = sizes;
      const own = heads * sharing;
      const given = (count: number, seed: number) =>
        wave(isFlat ? [batch, queries, count * width] : [batch, count, queries, width], seed);
      const mask: Readonly<Record<string, Tensor>> = {
        added: wave([queries, past + queries], 9),
        // The first key always counts.
        bools: bools(
          [queries, past + queries],
          Array.from({ length: queries * (past + queries) }, (_, i) =>
            Number(i % (past + queries) === 0 || i % 3 > 0),
          ),
        ),
      };
      const chosen = mask[kind];
      const inputs = new Map<string, Tensor>([
        ["q", given(own, 1)],
        ["k", given(heads, 2)],
        ["v", given(heads, 3)],
        ["pastKeys", wave([batch, heads, past, width], 4)],
        ["pastValues", wave([batch, heads, past, width], 5)],
        ...(chosen === undefined ? [] : [["mask", chosen] as const]),
      ]);
      const attribute = [
        int("is_causal", Number(isCausal)),
        float("scale", 0.7),
        ...(isFlat ? [int("q_num_heads", own), int("kv_num_heads", heads)] : []),
      ];
      const input = ["q", "k", "v", chosen === undefined ? "" : "mask", "pastKeys", "pastValues"];
      const nodes: FileNode[] = [{ opType: "Attention", input, output: OUTPUTS, attribute }];
      await expectSame({ opset: 23, inputs, outputs: OUTPUTS, nodes });
    }),
    { numRuns: 40 },
  );
});

test("com.microsoft's MultiHeadAttention is what ONNX Runtime makes of it", async () => {
  await fc.assert(
    fc.asyncProperty(arbSizes, fc.boolean(), async ({ batch, heads, queries, past, width }, isCausal) => {
      const inputs = new Map<string, Tensor>([
        ["q", wave([batch, queries, heads * width], 1)],
        ["k", wave([batch, queries, heads * width], 2)],
        ["v", wave([batch, queries, heads * width], 3)],
        ["pastKeys", wave([batch, heads, past, width], 4)],
        ["pastValues", wave([batch, heads, past, width], 5)],
      ]);
      const node: FileNode = {
        opType: "MultiHeadAttention",
        domain: "com.microsoft",
        input: ["q", "k", "v", "", "", "", "pastKeys", "pastValues"],
        output: OUTPUTS,
        attribute: [int("num_heads", heads), int("unidirectional", Number(isCausal))],
      };
      await expectSame({ domains: { "com.microsoft": 1 }, inputs, outputs: OUTPUTS, nodes: [node] });
    }),
    { numRuns: 20 },
  );
});

test("its gradients are right, those of a past that is trained as well", async () => {
  const inputs = new Map<string, Tensor>([["x", wave([2, 3, 4], 1)]]);
  const initializers = {
    w: wave([4, 4], 2),
    keys: wave([2, 2, 5, 2], 3),
    values: wave([2, 2, 5, 2], 4),
  };
  const nodes: FileNode[] = [
    { opType: "MatMul", input: ["x", "w"], output: ["q"] },
    {
      opType: "Attention",
      input: ["q", "x", "q", "", "keys", "values"],
      output: ["y"],
      attribute: [int("is_causal", 1), int("q_num_heads", 2), int("kv_num_heads", 2)],
    },
  ];
  const model = readModel(fileModel({ opset: 23, inputs, initializers, nodes }));
  expect(await checkGradients(model)).toMatchObject({ checked: 3, passed: true });
});

test("one that gives its scores is refused, and says what to do", () => {
  const inputs = new Map<string, Tensor>(["q", "k", "v"].map((name, i) => [name, wave([1, 1, 2, 2], i)]));
  const nodes: FileNode[] = [
    { opType: "Attention", name: "scored", input: ["q", "k", "v"], output: ["y", "", "", "scores"] },
  ];
  expect(() => readModel(fileModel({ opset: 23, inputs, nodes, outputs: ["y", "scores"] }))).toThrow(
    /node "scored" uses Attention.*its scores; compute them beside it/,
  );
});
