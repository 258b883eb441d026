/** Membership put together. */
import type { KeyPair, NodeId, Ports } from "@pingo/core";
import type { Blocks } from "@pingo/storage";
import type { StationChain } from "../chain/station-chain.ts";
import type { FogConfig } from "../config.ts";
import type { Sql } from "../database/schema.ts";
import type { Lent } from "./certificate-chain.ts";
import { Membership } from "./membership.ts";

export interface OpenMembershipOptions {
  readonly config: Pick<FogConfig, "gate" | "founders" | "network">;
  /** undefined: this station knows none. */
  readonly chain: StationChain | undefined;
  readonly key: KeyPair;
  readonly sql: Sql;
  readonly ports: Ports;
  readonly blocks: Blocks;
  readonly blocksFolder: string;
  readonly lentBy: (node: NodeId) => Lent;
  readonly ending: AbortController;
}

export async function openMembership(options: OpenMembershipOptions): Promise<Membership> {
  const { config, key, sql, ports, blocks, blocksFolder, lentBy, ending } = options;
  const { clock, log } = ports;
  const { gate, founders, network } = config;
  const chain =
    options.chain &&
    (await import("./certificate-chain.ts")).createCertificateChain({
      ...{ chain: options.chain, key, clock, signal: ending.signal },
    });
  const kept = { sql, clock, log, blocks, blocksFolder, fog: key.nodeId };
  return new Membership({ gate, founders, network, chain, lentBy, ending, ...kept });
}
