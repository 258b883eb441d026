/** Membership on the control API: a wallet is linked, and who asks learns where they stand. */
import { decodeCanonical, parseNodeId, parseShape, zWalletLink } from "@pingo/core";
import type { FastifyInstance } from "fastify";
import { FogError } from "../fault.ts";
import type { Membership } from "./membership.ts";

interface NodeRoute {
  readonly Params: { readonly node: string };
}

export function addMembershipRoutes(api: FastifyInstance, membership: Membership): void {
  api.get<NodeRoute>("/v1/membership/:node", ({ params }) => membership.view(parseNodeId(params.node)));
  api.post("/v1/wallets", async ({ body }, reply) => {
    if (!(body instanceof Uint8Array)) throw new FogError({ code: "MEDIA_TYPE_REFUSED" });
    const link = parseShape(zWalletLink, decodeCanonical(body), "the wallet's link");
    return reply.status(201).send(await membership.link(link));
  });
}
