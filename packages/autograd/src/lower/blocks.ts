/** Nodes of a lowering to blocks of channels, as they are made: each value is brought to blocks once. */
import type { Tensor } from "../graph/tensor.ts";
import type { ForeignNode, LoweredNode } from "./lowering.ts";

const DOMAIN = "com.microsoft.nchwc";

export class Blocks {
  readonly nodes: LoweredNode[] = [];
  readonly constants = new Map<string, Tensor>();
  /** The values that there are in blocks, [N, C/b, H, W, b] under the shape [N, C, H, W]. */
  readonly blockedOf = new Map<string, string>();

  /** A picture [N, C, H, W] in blocks of C. */
  picture(name: string): string {
    const known = this.blockedOf.get(name);
    if (known !== undefined) return known;
    const made = this.toBlocks(name, `${name}/blocked`);
    this.blockedOf.set(name, made);
    return made;
  }

  toBlocks(x: string, name: string): string {
    this.foreign("ReorderInput", name, [x], name, { channels_last: 0 });
    return name;
  }

  toPlain(x: string, name: string, channels: number): string {
    this.foreign("ReorderOutput", name, [x], name, { channels, channels_last: 0 });
    return name;
  }

  reshape(x: string, name: string, shape: readonly number[]): string {
    const inputs = [x, this.#integers(shape)];
    this.nodes.push({ op: "Reshape", name, inputs, outputs: [name], attributes: { allowzero: 0 } });
    return name;
  }

  transpose(x: string, name: string, perm: readonly number[]): string {
    this.nodes.push({ op: "Transpose", name, inputs: [x], outputs: [name], attributes: { perm } });
    return name;
  }

  gather(x: string, name: string, indices: readonly number[], axis: number): string {
    const inputs = [x, this.#integers(indices)];
    this.nodes.push({ op: "Gather", name, inputs, outputs: [name], attributes: { axis } });
    return name;
  }

  pad(x: string, name: string, widths: readonly number[]): string {
    const inputs = [x, this.#integers(widths)];
    this.nodes.push({ op: "Pad", name, inputs, outputs: [name], attributes: { mode: "constant" } });
    return name;
  }

  foreign(
    foreign: string,
    name: string,
    inputs: readonly string[],
    output: string,
    attributes: ForeignNode["attributes"],
  ): void {
    this.nodes.push({ foreign, domain: DOMAIN, name, inputs, outputs: [output], attributes });
  }

  #integers(values: readonly number[]): string {
    const name = `blocked/[${values.join()}]`;
    const data = BigInt64Array.from(values, BigInt);
    this.constants.set(name, { dtype: "int64", shape: [values.length], data });
    return name;
  }
}
