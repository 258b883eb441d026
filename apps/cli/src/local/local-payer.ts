/** The wallet with which this home pays on its own devnet, for commands in another terminal than the one that `pingo up` runs in. */
import { join } from "node:path";
import { keyPairOfSeed, parseShape } from "@pingo/core";
import { z } from "zod";
import type { Context } from "../context.ts";
import type { Payer } from "./own-escrow.ts";

/** Where this home's devnet was last reached, beside its blocks. */
export const LOCAL_CHAIN_NAME = "local-chain.json";
export const LOCAL_WALLET_NAME = "wallet.key";

/** The devnet's network id. */
const NETWORK = -3;
const SEED_BYTES = 32;

export interface LocalChainFile {
  readonly kind: "pingo/local-chain/v1";
  /** toncenter's API v2. */
  readonly endpoint: string;
  /** Path of the address book. */
  readonly bookPath: string;
  /** Of the faucet and of time travel. */
  readonly adminPort: number;
}

const zLocalChainFile: z.ZodType<LocalChainFile> = z.strictObject({
  kind: z.literal("pingo/local-chain/v1"),
  endpoint: z.string().regex(/^http:\/\/[^ ]+$/),
  bookPath: z.string().min(1),
  adminPort: z.int().positive(),
});

/** @returns undefined unless that wallet is the one that the fog node knows of this home's user */
export async function findLocalPayer(
  { config, ports: { disk } }: Context,
  userAddress: string,
): Promise<Payer | undefined> {
  const folder = join(config.home, "devnet");
  const path = join(folder, LOCAL_CHAIN_NAME);
  const [bytes, seed] = await Promise.all([disk.read(path), disk.read(join(folder, LOCAL_WALLET_NAME))]);
  if (bytes === undefined || seed?.byteLength !== SEED_BYTES) return undefined;
  const { endpoint, bookPath } = parseShape(zLocalChainFile, parseJson(bytes), path);
  const key = keyPairOfSeed(seed);
  const { walletContract } = await import("@pingo/ton");
  const { address } = walletContract(key.publicKey, NETWORK);
  return address.toRawString() === userAddress ? { network: NETWORK, key, endpoint, bookPath } : undefined;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // refused by its shape, with a sentence
  }
}
