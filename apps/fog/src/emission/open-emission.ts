/** The emission put together, where jobs are paid on chain: without that nothing shows that a fee was paid. */
import type { KeyPair } from "@pingo/core";
import type { StationChain } from "../chain/station-chain.ts";
import type { FogConfig } from "../config.ts";
import type { Emission, EmissionOptions } from "./emission.ts";

export interface OpenEmissionOptions extends Omit<EmissionOptions, "chain" | "fog"> {
  readonly config: Pick<FogConfig, "payment">;
  readonly chain: StationChain | undefined;
  readonly key: KeyPair;
}

/** undefined as well where the address book names no vaults: it is of before there were any. */
export async function openEmission({
  config,
  chain,
  key,
  ...options
}: OpenEmissionOptions): Promise<Emission | undefined> {
  if (config.payment !== "chain" || chain?.book.compute === undefined) return undefined;
  const { createEmissionChain } = await import("./emission-chain.ts");
  const { Emission: Opened } = await import("./emission.ts");
  const { signal } = options.ending;
  return new Opened({ ...options, fog: key.nodeId, chain: createEmissionChain(chain, key, signal) });
}
