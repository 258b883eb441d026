/** The key of this home's fog node: its place in the quorum. */
import { join } from "node:path";
import { type KeyPair, keyPairOfSeed } from "@pingo/core";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";

const SEED_BYTES = 32;

/** @throws {CliError} NO_FOG_KEY */
export async function readFogKey({ config, ports }: Context): Promise<KeyPair> {
  const path = join(config.home, "fog", "key");
  const seed = await ports.disk.read(path);
  if (seed?.byteLength !== SEED_BYTES) throw new CliError({ code: "NO_FOG_KEY", path });
  return keyPairOfSeed(seed);
}
