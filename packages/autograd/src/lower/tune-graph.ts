/** A program's graph for one kind of machine: the same arithmetic by what this machine's ONNX Runtime does best. */
import { readModel } from "../onnx/reader.ts";
import { writeModel } from "../onnx/writer.ts";
import { blockedConvolution } from "./blocked-convolution.ts";
import type { Lowering } from "./lowering.ts";
import { orderedScatter } from "./ordered-scatter.ts";

export interface Machine {
  /** Channels that the convolutions of its ONNX Runtime take together; 1: it has none that do. */
  readonly channelBlock: number;
  /** That a session is to use. */
  readonly threads: number;
}

/**
 * @param graph  as the program's builder wrote it
 * @returns      what differs in the last digits only: sums are taken in another order
 */
export function tuneGraph(graph: Uint8Array, machine: Machine): Uint8Array {
  const lowerings = loweringsFor(machine);
  return lowerings.length === 0 ? graph : writeModel(readModel(graph), lowerings);
}

export function loweringsFor({ channelBlock, threads }: Machine): readonly Lowering[] {
  const lowerings: Lowering[] = [];
  if (channelBlock > 1) lowerings.push(blockedConvolution(channelBlock));
  if (threads > 1) lowerings.push(orderedScatter);
  return lowerings;
}
