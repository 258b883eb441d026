/**
 * A control group for all workers together, where the system lets us make one: the kernel then holds them to the memory
 * that is lent, whatever they do, and swaps none of it.
 *
 * Version 2: below the agent's own group, when that was handed to it (a systemd unit with Delegate=memory) and nobody else
 * is in it, since a group that has children holds no processes. Version 1 has no such rule.
 * SOURCE: Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint"; cgroup-v1/memory.rst
 */
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "@pingo/core";

export interface MemoryGroup extends AsyncDisposable {
  readonly version: 1 | 2;
  /** All that it starts from now on belongs to it too. */
  add(pid: number): Promise<void>;
  limit(bytes: number): Promise<void>;
}

export interface MemoryGroupOptions {
  readonly pid: number;
  readonly log: Log;
  /** "/" but in tests. */
  readonly root?: string;
}

const GROUP = "pingo-workers";
const MOUNTS_V2 = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];
const FILES = {
  1: { limit: "memory.limit_in_bytes", noSwap: ["memory.swappiness", "0"] },
  2: { limit: "memory.max", noSwap: ["memory.swap.max", "0"] },
} as const;

/** Undefined where there is none to be had: limits of each process (rlimits) hold all the same. */
export async function openMemoryGroup(options: MemoryGroupOptions): Promise<MemoryGroup | undefined> {
  const { pid, log, root = "/" } = options;
  const own = (await textOf(join(root, `proc/${pid}/cgroup`))) ?? "";
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(own)?.[1];
  const v2 = /^0::(\/.*)$/m.exec(own)?.[1];
  try {
    if (v1 !== undefined) return await openV1(join(root, "sys/fs/cgroup/memory", v1), options);
    if (v2 !== undefined) return await openV2(v2, options, root);
  } catch (error) {
    log.debug("memory_group_refused", { error: String(error) }); // not ours to divide: the usual case of a terminal
  }
  return undefined;
}

async function openV1(parent: string, options: MemoryGroupOptions): Promise<MemoryGroup> {
  await removeStrays(parent, GROUP);
  return createGroup(join(parent, `${GROUP}-${options.pid}`), 1, options.log);
}

async function openV2(
  path: string,
  options: MemoryGroupOptions,
  root: string,
): Promise<MemoryGroup | undefined> {
  for (const mount of MOUNTS_V2) {
    const parent = join(root, mount, path);
    const controllers = (await textOf(join(parent, "cgroup.controllers")))?.trim().split(" ");
    if (!controllers?.includes("memory")) continue;
    const members = (await textOf(join(parent, "cgroup.procs")))?.trim().split("\n");
    if (members?.length !== 1 || members[0] !== String(options.pid)) return undefined; // a shell's group, or a pod's
    const agent = join(parent, "pingo-agent");
    await mkdir(agent, { recursive: true });
    await writeFile(join(agent, "cgroup.procs"), String(options.pid));
    await writeFile(join(parent, "cgroup.subtree_control"), "+memory");
    await removeStrays(parent, GROUP);
    return createGroup(join(parent, `${GROUP}-${options.pid}`), 2, options.log);
  }
  return undefined;
}

async function createGroup(folder: string, version: 1 | 2, log: Log): Promise<MemoryGroup> {
  await mkdir(folder);
  const [file, value] = FILES[version].noSwap;
  await writeFile(join(folder, file), value).catch(() => undefined); // a kernel without swap accounting: nothing to forbid
  log.info("memory_group", { version, folder });
  return {
    version,
    async add(pid) {
      try {
        await writeFile(join(folder, "cgroup.procs"), String(pid));
      } catch (error) {
        log.warn("memory_group_missed", { pid, error: String(error) }); // it has just ended, or its own limits must do
      }
    },
    limit: (bytes) => writeFile(join(folder, FILES[version].limit), String(bytes)),
    async [Symbol.asyncDispose]() {
      await rmdir(folder).catch(() => undefined); // a worker is still ending: the next start removes it
    },
  };
}

/** Of agents that were killed; a group with processes in it cannot be removed and stays. */
async function removeStrays(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rmdir(join(parent, name)).catch(() => undefined);
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined; // not this kind of system
  }
}
