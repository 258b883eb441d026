/** Windows and images, for the cases of convolutions and pools. */
import type { Window } from "../../ops/spec.ts";
import type { Draw } from "./draw.ts";

export function window(r: Draw, rank: number): Window {
  const kernel = r.list(rank, 1, 3);
  return {
    kernel_shape: kernel,
    strides: r.list(rank, 1, 3),
    dilations: r.list(rank, 1, 2),
    pads: [...kernel, ...kernel].map((size) => r.int(0, size - 1)),
  };
}

export function image(r: Draw, channels: number, rank: number): number[] {
  return [r.int(1, 2), channels, ...r.list(rank, 5, rank === 3 ? 6 : 9)];
}
