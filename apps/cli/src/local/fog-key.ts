/** The key of this home's fog node: its place in the quorum. */
import { join } from "node:path";
import { type KeyPair, keyPairOfSeed } from "@pingo/core";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";

const SEED_BYTES = 32;

/** @throws {CliError} NO_FOG_KEY */
export async function readFogKey(context: Context): Promise<KeyPair> {
  const found = await findFogKey(context);
  if (found === undefined) throw new CliError({ code: "NO_FOG_KEY", path: pathOfFogKey(context) });
  return found;
}

/** undefined where this home runs none. */
export async function findFogKey(context: Context): Promise<KeyPair | undefined> {
  const seed = await context.ports.disk.read(pathOfFogKey(context));
  return seed?.byteLength === SEED_BYTES ? keyPairOfSeed(seed) : undefined;
}

function pathOfFogKey({ config }: Context): string {
  return join(config.home, "fog", "key");
}
