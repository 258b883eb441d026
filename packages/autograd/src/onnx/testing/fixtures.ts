/** Models that PyTorch exported, with what they return; kept beside the checkout, so a test may find none. */
import { existsSync, readFileSync } from "node:fs";
import type { DType, Tensor } from "../../graph/tensor.ts";

const FOLDER = new URL("../../../../../../shared/fixtures/autograd/", import.meta.url);

export const FIXTURE_NAMES = ["mlp", "cnn", "gpt"] as const;
export const hasFixtures = existsSync(FOLDER);

export interface Fixture {
  readonly model: Uint8Array;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly output: Tensor;
}

interface Case {
  readonly tensors: readonly { role: string; name: string; dtype: DType; shape: number[]; offset: number }[];
}

export function readFixture(name: (typeof FIXTURE_NAMES)[number]): Fixture {
  const folder = new URL(`${name}/`, FOLDER);
  const bytes = new Uint8Array(readFileSync(new URL("case.bin", folder)));
  // SAFETY: the file is part of the test's own material.
  const { tensors } = JSON.parse(readFileSync(new URL("case.json", folder), "utf8")) as Case;
  const read = ({ dtype, shape, offset }: Case["tensors"][number]): Tensor => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    const { buffer } = bytes.slice(offset, offset + size * (dtype === "int64" ? 8 : 4));
    return { dtype, shape, data: dtype === "int64" ? new BigInt64Array(buffer) : new Float32Array(buffer) };
  };
  const output = tensors.find(({ role }) => role === "output");
  if (output === undefined) throw new Error(`${name} has no output`);
  return {
    model: new Uint8Array(readFileSync(new URL("model.onnx", folder))),
    inputs: new Map(
      tensors.filter(({ role }) => role === "input").map((tensor) => [tensor.name, read(tensor)]),
    ),
    output: read(output),
  };
}
