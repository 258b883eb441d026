/** The keys of this home: the user's, and those of the providers that it ran. */
import { join } from "node:path";
import { type KeyPair, keyPairOfSeed, type NodeId } from "@pingo/core";
import type { Context } from "../context.ts";
import { providerFolder } from "./own-provider.ts";

export interface OwnKey {
  /** "you", or the provider's folder. */
  readonly name: string;
  readonly key: KeyPair;
}

const PROVIDER = /^provider(-\d+)?$/;
const KEY_FILE = "key";
const SEED_BYTES = 32;
const USER = "you";

/** The user's first. */
export async function ownKeys(context: Context): Promise<readonly OwnKey[]> {
  const { openIdentity } = await import("@pingo/sdk");
  const { config, ports } = context;
  const user = await openIdentity(join(config.home, "user.key"), ports.prng);
  const named = (await ports.disk.list(config.home)).filter((name) => PROVIDER.test(name));
  const folders = new Map(named.map((name) => [join(config.home, name), name]));
  folders.set(providerFolder(context), "provider");
  const providers = await Promise.all(
    [...folders].map(async ([folder, name]) => {
      const seed = await ports.disk.read(join(folder, KEY_FILE));
      return seed?.byteLength === SEED_BYTES ? [{ name, key: keyPairOfSeed(seed) }] : [];
    }),
  );
  return [{ name: USER, key: user }, ...providers.flat()];
}

export function nameOf(id: NodeId | string, keys: readonly OwnKey[]): string | undefined {
  return keys.find(({ key }) => key.nodeId === id)?.name;
}
