/** A file of low-rank adapters: safetensors, and in its notes what a reader must know to use them. */
import type { Tensor } from "@pingo/autograd";
import type { Lora } from "@pingo/core";
import { encodeSafetensors } from "./safetensors.ts";

/** @param adapters  by the names that other tools know */
export function encodeAdapters(adapters: ReadonlyMap<string, Tensor>, { rank, alpha }: Lora): Uint8Array {
  return encodeSafetensors(adapters, {
    format: "pt",
    lora_rank: String(rank),
    lora_alpha: String(alpha),
  });
}
