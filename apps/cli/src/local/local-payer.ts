/** The wallet with which this home pays on its own devnet, for commands in another terminal than the one that `pingo up` runs in. */
import { join } from "node:path";
import { keyPairOfSeed, parseShape } from "@pingo/core";
import { z } from "zod";
import type { Context } from "../context.ts";
import type { Payer } from "./own-escrow.ts";
import { findWallet, openWallet } from "./own-wallet.ts";

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

export type LocalPayer = Required<Omit<Payer, "whose">>;

const zLocalChainFile: z.ZodType<LocalChainFile> = z.strictObject({
  kind: z.literal("pingo/local-chain/v1"),
  endpoint: z.string().regex(/^http:\/\/[^ ]+$/),
  bookPath: z.string().min(1),
  adminPort: z.int().positive(),
});

/** @returns undefined where this home never had a devnet of its own */
export async function findLocalPayer({ config, ports: { disk } }: Context): Promise<LocalPayer | undefined> {
  const folder = join(config.home, "devnet");
  const path = join(folder, LOCAL_CHAIN_NAME);
  const [bytes, seed] = await Promise.all([disk.read(path), disk.read(join(folder, LOCAL_WALLET_NAME))]);
  if (bytes === undefined || seed?.byteLength !== SEED_BYTES) return undefined;
  const { endpoint, bookPath } = parseShape(zLocalChainFile, parseJson(bytes), path);
  return { network: NETWORK, key: keyPairOfSeed(seed), endpoint, bookPath };
}

/** @returns undefined where a home has a wallet of its own making, or somebody named another chain */
export async function findHomePayer(context: Context): Promise<LocalPayer | undefined> {
  if (context.config.chain.isNamed || (await findWallet(context)) !== undefined) return undefined;
  return findLocalPayer(context);
}

/** Whose wallet signs for this home: the one sealed in it, else that of its own devnet. @throws {CliError} NO_WALLET, PASSPHRASE_NEEDED */
export async function openHomePayer(context: Context): Promise<Payer> {
  const local = await findHomePayer(context);
  if (local !== undefined) return local;
  const { file, key } = await openWallet(context);
  return { network: file.network, key };
}

/** @returns undefined unless that wallet is the one that the fog node knows of this home's user */
export async function findLocalPayerAt(context: Context, address: string): Promise<LocalPayer | undefined> {
  const local = await findLocalPayer(context);
  if (local === undefined) return undefined;
  const { walletContract } = await import("@pingo/ton");
  const own = walletContract(local.key.publicKey, NETWORK).address.toRawString();
  return own === address ? local : undefined;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // refused by its shape, with a sentence
  }
}
