/**
 * PGlite: PostgreSQL compiled to WebAssembly, in this process, on a folder it must have for itself.
 *
 * Small on purpose. As it comes it holds 350 to 750 MB; with the settings here 95 MB (2026-11): buffers of
 * 1 MB, and code that is never compiled twice (the optimising compiler costs 300 MB and saves a station
 * nothing: it writes tens of rows a second). Making a new cluster peaks at 700 MB, so a child process
 * does that, and its memory goes with it.
 *
 * A commit outlives a killed process. It does not outlive a power cut: PGlite never waits for the disk.
 */
import { execFile } from "node:child_process";
import { access, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { RemoteError } from "@pingo/core";
import { lockFolder } from "@pingo/storage";
import { drizzle } from "drizzle-orm/pglite";
import type { Database } from "./database.ts";

const MAKE_CLUSTER = fileURLToPath(new URL("make-cluster.ts", import.meta.url));
const CLUSTER_NAME = "cluster";

/** @throws {StorageError} FOLDER_IN_USE: two processes on one folder would destroy it */
export async function openPglite(folder: string): Promise<Database> {
  await using held = new AsyncDisposableStack();
  held.use(await lockFolder(folder));
  const cluster = join(folder, CLUSTER_NAME);
  await makeClusterOnce(cluster);
  setFlagsFromString("--no-wasm-tier-up");
  setFlagsFromString("--no-wasm-dynamic-tiering");
  // Imported only now: the flags hold for code that is compiled after them.
  const { PGlite } = await import("@electric-sql/pglite");
  const client = await PGlite.create({ dataDir: cluster });
  held.defer(() => client.close());
  const owned = held.move();
  return {
    sql: drizzle({ client }),
    run: async (script) => {
      await client.exec(script);
    },
    lost: new Promise(() => {}),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** All or nothing: made beside and renamed, so a process killed meanwhile leaves nothing half made in place. */
async function makeClusterOnce(cluster: string): Promise<void> {
  if (await exists(cluster)) return;
  const beside = `${cluster}.new`;
  await rm(beside, { recursive: true, force: true });
  const made = await promisify(execFile)(process.execPath, ["--liftoff-only", MAKE_CLUSTER, beside], {
    env: {},
  });
  if (made.stdout !== "") throw new RemoteError(JSON.parse(made.stdout));
  await rename(beside, cluster);
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}
