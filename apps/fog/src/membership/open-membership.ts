/** Membership put together. What knows TON is loaded only where a chain is configured: it takes 30 MB. */
import type { KeyPair, NodeId, Ports } from "@pingo/core";
import type { FogConfig } from "../config.ts";
import type { Sql } from "../database/schema.ts";
import { readAddressBook } from "./address-book.ts";
import type { CertificateChain, Lent } from "./certificate-chain.ts";
import { Membership } from "./membership.ts";

export interface OpenMembershipOptions {
  readonly config: Pick<FogConfig, "gate" | "founders" | "chain" | "network">;
  readonly key: KeyPair;
  readonly sql: Sql;
  readonly ports: Ports;
  readonly blocksFolder: string;
  readonly lentBy: (node: NodeId) => Lent;
}

/** @throws {FogError} ADDRESS_BOOK_MISSING, BOOK_OF_ANOTHER_NETWORK; {ShapeError} */
export async function openMembership(options: OpenMembershipOptions): Promise<Membership> {
  const { config, key, sql, ports, blocksFolder, lentBy } = options;
  const { clock, log } = ports;
  const ending = new AbortController();
  const chain = await chainOf(config, key, ports, ending.signal);
  const { gate, founders, network } = config;
  return new Membership({ gate, founders, network, chain, sql, clock, log, blocksFolder, lentBy, ending });
}

async function chainOf(
  { chain, network }: Pick<FogConfig, "chain" | "network">,
  key: KeyPair,
  { disk, clock, fetch }: Ports,
  signal: AbortSignal,
): Promise<CertificateChain | undefined> {
  if (chain === undefined) return undefined;
  const book = await readAddressBook(disk, chain.addressBookPath, network);
  const { createCertificateChain } = await import("./certificate-chain.ts");
  return createCertificateChain({ ...chain, network, book, key, clock, fetch, signal });
}
