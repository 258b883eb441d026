/** The station's own key: made once, kept in its folder. */
import { join } from "node:path";
import { type KeyPair, keyPairOfSeed, type Ports } from "@pingo/core";
import { FogError } from "./fault.ts";

const KEY_NAME = "key";
const SEED_BYTES = 32;

export async function openIdentity(
  folder: string,
  { disk, prng }: Pick<Ports, "disk" | "prng">,
): Promise<KeyPair> {
  const path = join(folder, KEY_NAME);
  const found = await disk.read(path);
  if (found !== undefined) {
    if (found.byteLength !== SEED_BYTES) throw new FogError({ code: "KEY_MALFORMED", path });
    return keyPairOfSeed(found);
  }
  const seed = prng.bytes(SEED_BYTES);
  await disk.write(path, seed);
  return keyPairOfSeed(seed);
}
