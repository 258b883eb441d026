/** Settlement put together, where jobs are paid on chain. */
import type { StationChain } from "../chain/station-chain.ts";
import type { FogConfig } from "../config.ts";
import { FogError } from "../fault.ts";
import { Settlement, type SettlementOptions } from "./settlement.ts";

export interface OpenSettlementOptions extends Omit<SettlementOptions, "chain"> {
  readonly config: Pick<FogConfig, "payment">;
  readonly chain: StationChain | undefined;
}

/** @throws {FogError} NO_CHAIN */
export async function openSettlement({
  config,
  chain,
  ...options
}: OpenSettlementOptions): Promise<Settlement | undefined> {
  if (config.payment !== "chain") return undefined;
  if (chain === undefined) throw new FogError({ code: "NO_CHAIN" });
  const { createSettlementChain } = await import("./settlement-chain.ts");
  return new Settlement({ ...options, chain: createSettlementChain(chain, options.ending.signal) });
}
