/** docs/reference/builder.md: every example is run, and every layer has one. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { defineModel } from "../src/builder/define-model.ts";
import type { Value } from "../src/builder/graph-builder.ts";
import { ACTIVATIONS } from "../src/builder/layers/activation.ts";
import { LAYERS } from "../src/builder/layers.ts";
import type { ModelBuilder } from "../src/builder/model-builder.ts";
import type { TensorType } from "../src/graph/tensor.ts";
import { writeModel } from "../src/onnx/writer.ts";

const PAGE = readFileSync(new URL("../../../docs/reference/builder.md", import.meta.url), "utf8");

const ROWS = [...PAGE.matchAll(/^\| (.+?) \| `(b\..+?)` \| \[(.+?)\] \|$/gm)].map(
  ([, what = "", example = "", shape = ""]) => ({ what, example, shape }),
);

/** The table of values at the head of the page. */
const INPUTS = Object.fromEntries(
  [...PAGE.matchAll(/^\| `(\w+)` \| (float32|int64)\[(.+?)\]/gm)].map(
    ([, name = "", dtype, sizes = ""]): [string, TensorType] => [
      name,
      { dtype: dtype === "int64" ? "int64" : "float32", shape: sizes.split(", ").map(sizeOf) },
    ],
  ),
);

function sizeOf(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

test.for(ROWS)("$example", ({ example, shape }) => {
  const names = Object.keys(INPUTS);
  // The page's text is the test's material: it is evaluated as its reader would write it.
  const run = new Function("b", ...names, `return ${example};`);
  const define = (b: ModelBuilder, inputs: Readonly<Record<string, Value>>): { y: Value } => {
    return { y: run(b, ...names.map((name) => inputs[name])) };
  };
  const graph = defineModel({ name: "example", seed: 1, inputs: INPUTS }, define);
  expect(graph.outputs[0]?.type.shape.join(", ")).toBe(shape);
  expect(writeModel(graph).length).toBeGreaterThan(0);
});

describe("the page is whole", () => {
  test("every layer has an example", () => {
    const shown = new Set(ROWS.map(({ what }) => /^`(\w+)`/.exec(what)?.[1]));
    expect(Object.keys(LAYERS).filter((layer) => !shown.has(layer))).toEqual([]);
  });

  test("every activation is listed", () => {
    expect(PAGE).toContain(`by name`);
    const listed = /takes a name: ([^.]+)\./.exec(PAGE)?.[1]?.split(/,\s+/);
    expect(listed).toEqual([...ACTIVATIONS].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)));
  });

  test("its first example is the model that it says", () => {
    const source = /```ts\n[\s\S]*?(const inputs[\s\S]*?)```/.exec(PAGE)?.[1] ?? "";
    const run = new Function(
      "defineModel",
      "writeModel",
      `${source.replace(" as const", "")}; return bytes;`,
    );
    expect(run(defineModel, writeModel)).toBeInstanceOf(Uint8Array);
  });

  test("the sentence that it quotes is the one that is thrown", () => {
    const inputs = { image: { dtype: "float32", shape: ["batch", 3, 4, 4] } } as const;
    const define = () =>
      defineModel({ name: "m", seed: 1, inputs }, (b, { image }) => ({
        y: b.conv2d(image, { outChannels: 8, kernel: 7 }),
      }));
    const quoted =
      /`(the layer "conv1" \(Conv\)[\s\S]+?)`/.exec(PAGE)?.[1]?.replaceAll(/\s+/g, " ") ?? "none";
    expect(define).toThrow(quoted);
  });
});
