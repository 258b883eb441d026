/** A user's key: one file that only its owner may read. */
import { chmod, link, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type KeyPair, keyPairOfSeed, type Prng } from "@pingo/core";
import { diskErrorOf, makeFolder } from "@pingo/core/system";
import { FogError } from "./fog-error.ts";

const SEED_BYTES = 32;
const OWNER_ONLY = 0o600;

/**
 * The key kept at `path`; made on first use.
 *
 * Goes to the file system itself rather than through the Disk port: a key must never exist, not even
 * for a moment, in a file that others may read.
 *
 * @throws {FogError} KEY_FILE_INVALID
 * @throws {DiskError} DISK_FULL, DISK_FAILED
 */
export async function openIdentity(path: string, prng: Prng): Promise<KeyPair> {
  const text = (await readIfThere(path)) ?? (await createKeyFile(path, prng));
  if (!/^[0-9a-f]{64}\s*$/.test(text)) throw new FogError({ code: "KEY_FILE_INVALID", path });
  return keyPairOfSeed(new Uint8Array(Buffer.from(text.trim(), "hex")));
}

async function createKeyFile(path: string, prng: Prng): Promise<string> {
  const text = Buffer.from(prng.bytes(SEED_BYTES)).toString("hex");
  const beside = `${path}.${Buffer.from(prng.bytes(4)).toString("hex")}.tmp`;
  try {
    await makeFolder(dirname(path), { mode: 0o700 });
    {
      await using file = await open(beside, "wx", OWNER_ONLY);
      await file.writeFile(`${text}\n`);
      await file.sync();
    }
    await link(beside, path); // whole, and never over another process's key
    return text;
  } catch (cause) {
    const other = errorCode(cause) === "EEXIST" ? await readIfThere(path) : undefined;
    if (other === undefined) throw diskErrorOf(path, cause);
    return other;
  } finally {
    await rm(beside, { force: true });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, "utf8");
    await chmod(path, OWNER_ONLY);
    return text;
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw diskErrorOf(path, cause);
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
