/**
 * Positions as rotations of pairs of queries and keys: element i of the first half with element i of the second.
 *
 * SOURCE: Su et al., "RoFormer", 2021; halves as LLaMA pairs them.
 */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import type { LayerOptions } from "./options.ts";

/** float32[N, positions, heads, width] → the same, each position turned by its own angles; no parameters. */
export function rotaryPositions(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly base?: number } = {},
): Value {
  const layer = b.layerName("rotary", options.name);
  if (x.type.shape.length !== 4) throw b.invalid(layer, "it takes [N, positions, heads, width]");
  const positions = b.fixed(x.type.shape[1], layer, "the position axis");
  const width = b.fixed(x.type.shape[3], layer, "the last axis");
  if (width % 2 !== 0) throw b.invalid(layer, `the width ${width} of a head must be even`);
  const half = width / 2;
  const table = (part: "cos" | "sin"): Value => {
    const data = Float32Array.from({ length: positions * half }, (_, flat) => {
      const [position, i] = [Math.floor(flat / half), flat % half];
      return Math[part](position * (options.base ?? 10_000) ** (-i / half));
    });
    return b.constant(`${layer}/${part}`, { dtype: "float32", shape: [positions, 1, half], data });
  };
  const [cos, sin] = [table("cos"), table("sin")];
  const halves = [`${layer}/first`, `${layer}/second`];
  const [first = x, second = x] = b.nodes(
    "Split",
    `${layer}/halves`,
    [x],
    { axis: -1, num_outputs: 2 },
    halves,
  );
  const times = (name: string, part: Value, by: Value): Value =>
    b.node("Mul", `${layer}/${name}`, [part, by], {});
  const left = b.node("Sub", `${layer}/left`, [times("a", first, cos), times("b", second, sin)], {});
  const right = b.node("Add", `${layer}/right`, [times("c", second, cos), times("d", first, sin)], {});
  return b.node("Concat", layer, [left, right], { axis: -1 });
}
