/** Stakes put together, where they are asked for. */
import type { StationChain } from "../chain/station-chain.ts";
import type { FogConfig } from "../config.ts";
import { FogError } from "../fault.ts";
import { Stakes, type StakesOptions } from "./stakes.ts";

export interface OpenStakesOptions extends Omit<StakesOptions, "chain"> {
  readonly config: Pick<FogConfig, "stake">;
  readonly chain: StationChain | undefined;
}

/** @throws {FogError} NO_CHAIN, NO_REGISTRY */
export async function openStakes({
  config,
  chain,
  ...options
}: OpenStakesOptions): Promise<Stakes | undefined> {
  if (config.stake === "none") return undefined;
  if (chain === undefined) throw new FogError({ code: "NO_CHAIN" });
  const { createStakeChain } = await import("./stake-chain.ts");
  return Stakes.open({ ...options, chain: createStakeChain(chain, options.clock) });
}
