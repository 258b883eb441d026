/** What PyTorch found for small modules: export_layers.py writes it. */
import { readFileSync } from "node:fs";
import type { DType, Tensor } from "../../src/graph/tensor.ts";

export interface LayerCase {
  readonly inputs: readonly Tensor[];
  /** The parameters by PyTorch's names. */
  readonly state: ReadonlyMap<string, Tensor>;
  readonly output: Tensor;
}

interface Encoded {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: string;
}

interface File {
  readonly cases: Readonly<
    Record<string, { readonly inputs: Encoded[]; readonly state: Record<string, Encoded>; output: Encoded }>
  >;
}

export function readLayerCases(): ReadonlyMap<string, LayerCase> {
  const text = readFileSync(new URL("layers.json", import.meta.url), "utf8");
  const { cases }: File = JSON.parse(text);
  return new Map(
    Object.entries(cases).map(([name, { inputs, state, output }]) => [
      name,
      {
        inputs: inputs.map(decode),
        state: new Map(Object.entries(state).map(([key, value]) => [key, decode(value)])),
        output: decode(output),
      },
    ]),
  );
}

function decode({ dtype, shape, data }: Encoded): Tensor {
  const { buffer } = Uint8Array.from(Buffer.from(data, "base64"));
  if (dtype === "int64") return { dtype, shape, data: new BigInt64Array(buffer) };
  return { dtype, shape, data: new Float32Array(buffer) };
}
