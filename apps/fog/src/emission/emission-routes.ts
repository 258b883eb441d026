/** The emission on the control API: epochs and roots, and what a wallet was given with the proof to claim it. */
import { type EmissionView, parseShape, type RewardsView } from "@pingo/core";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { FogError } from "../fault.ts";
import type { Emission } from "./emission.ts";

interface AddressRoute {
  readonly Params: { readonly address: string };
}

const zOwner = z.string().regex(/^0:[0-9a-f]{64}$/, "expected a raw address in lower case, like 0:…");

/** @param emission undefined: this station is not paid on chain, and gives no rewards */
export function addEmissionRoutes(api: FastifyInstance, emission: Emission | undefined): void {
  const known = (): Emission => {
    if (emission === undefined) throw new FogError({ code: "NO_EMISSION" });
    return emission;
  };
  api.get("/v1/emission", (): Promise<EmissionView> => known().view());
  api.get<AddressRoute>(
    "/v1/rewards/:address",
    ({ params }): Promise<RewardsView> => known().rewards(parseShape(zOwner, params.address, "the address")),
  );
}
