/** The provider's own key: made at the first start, kept in its folder, readable by its owner alone. */
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type KeyPair, keyPairOfSeed, type Prng } from "@pingo/core";
import { errorCode } from "@pingo/core/system";
import { ProviderError } from "./provider-error.ts";

const KEY_NAME = "key";
const SEED_BYTES = 32;
const OWNER_ONLY = 0o600;

/** The folder is there and owned (lock) by the caller. @throws {ProviderError} KEY_MALFORMED */
export async function openIdentity(folder: string, prng: Prng): Promise<KeyPair> {
  const path = join(folder, KEY_NAME);
  const found = await readFile(path).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined) {
    const seed = prng.bytes(SEED_BYTES);
    await using file = await open(path, "wx", OWNER_ONLY);
    await file.writeFile(seed);
    await file.datasync();
    return keyPairOfSeed(seed);
  }
  if (found.byteLength !== SEED_BYTES) throw new ProviderError({ code: "KEY_MALFORMED", path });
  return keyPairOfSeed(new Uint8Array(found));
}
