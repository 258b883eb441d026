/** Stakes of providers in the registry on chain. */
import { isStakeValid, RegistryAt, type RegistryView, Stake } from "@pingo/contracts";
import { type Clock, type NodeId, publicKeyOfNodeId } from "@pingo/core";
import { Address } from "@ton/core";
import type { StationChain } from "../chain/station-chain.ts";
import { FogError } from "../fault.ts";

export interface StakeChain {
  /** Whether the key is registered as a provider's, owned, not barred, and with as much at stake as the registry asks for. */
  isStaked(node: NodeId): Promise<boolean>;
}

/** The registry's minimum is a vote's to change: asked for anew after this long. */
const RULES_MS = 60_000;

/** @throws {FogError} NO_REGISTRY */
export function createStakeChain({ client, book }: StationChain, clock: Clock): StakeChain {
  if (book.registry === undefined) throw new FogError({ code: "NO_REGISTRY" });
  const registry = new RegistryAt(Address.parseRaw(book.registry));
  let known: { readonly view: RegistryView; readonly atMs: number } | undefined;
  const rulesOf = async (): Promise<RegistryView> => {
    const now = clock.monotonicMs();
    if (known === undefined || now - known.atMs > RULES_MS)
      known = { view: await client.open(registry).getView(), atMs: now };
    return known.view;
  };
  return {
    async isStaked(node) {
      const { rules, parameters } = await rulesOf();
      const stake = new Stake(registry.address, publicKeyOfNodeId(node), "provider", rules);
      return isStakeValid(await client.open(stake).getView(), parameters.providerStakeMinNano);
    },
  };
}
