/**
 * Control groups for all workers together, where the system lets us make them. The kernel then holds them to the memory
 * that is lent, whatever they do, and swaps none of it; and whoever else wants a core takes it from them at once.
 *
 * The second matters since priorities count inside a group only, and every session of a terminal is one
 * (session-weight.ts): between groups of the usual kind a program that wakes waits for the end of a worker's turn, for
 * milliseconds, however little the worker's group weighs. A group that is itself idle has no such turns.
 *
 * Version 2: below the agent's own group, when that was handed to it (a systemd unit with Delegate=memory cpu) and nobody
 * else is in it, since a group that has children holds no processes. Version 1 has no such rule, and a tree for each.
 * SOURCE: Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint", cpu.idle; cgroup-v1/memory.rst
 */
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Log } from "@pingo/core";

export interface WorkerGroup extends AsyncDisposable {
  readonly version: 1 | 2;
  /** Which of the two the kernel does for them here; at least one. */
  readonly controls: ReadonlySet<Control>;
  /** All that it starts from now on belongs to it too. */
  add(pid: number): Promise<void>;
  /** Not idle, but of little weight, until all of these are disposed; nothing where cores are not among the controls. */
  lift(): Disposable;
  /** Nothing where memory is not among the controls. */
  limit(bytes: number): Promise<void>;
}

export type Control = "memory" | "cpu";

export interface WorkerGroupOptions {
  readonly pid: number;
  readonly log: Log;
  /** Both unless given. */
  readonly wanted?: readonly Control[];
  /** "/" but in tests. */
  readonly root?: string;
}

const CONTROLS: readonly Control[] = ["memory", "cpu"];
const GROUP = "pingo-workers";
const MOUNTS_V2 = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];
const LIMIT = { 1: "memory.limit_in_bytes", 2: "memory.max" } as const;
/** Of 1,024, which a session of the owner's weighs: what a worker hands in takes a second or two beside one that takes every core. */
const LIFTED_SHARE = 110;
const WEIGHT = {
  1: ["cpu.shares", String(LIFTED_SHARE)],
  2: ["cpu.weight", String(Math.round((100 * LIFTED_SHARE) / 1_024))],
} as const;
const NO_SWAP = { 1: ["memory.swappiness", "0"], 2: ["memory.swap.max", "0"] } as const;

/** Undefined where there is none to be had: limits and priorities of each process hold all the same. */
export async function openWorkerGroup(options: WorkerGroupOptions): Promise<WorkerGroup | undefined> {
  const { pid, log, wanted = CONTROLS, root = "/" } = options;
  const own = (await textOf(join(root, `proc/${pid}/cgroup`))) ?? "";
  const v2 = /^0::(\/.*)$/m.exec(own)?.[1];
  const parents = wanted.flatMap((control) => {
    const path = new RegExp(`^\\d+:(?:[^:]*,)?${control}(?:,[^:]*)?:(/.*)$`, "m").exec(own)?.[1];
    return path === undefined ? [] : [[control, join(root, "sys/fs/cgroup", control, path)] as const];
  });
  if (parents.length > 0) return openV1(parents, options);
  try {
    if (v2 !== undefined) return await openV2(v2, options, root);
  } catch (error) {
    log.debug("worker_group_refused", { error: String(error) }); // not ours to divide: the usual case of a terminal
  }
  return undefined;
}

async function openV1(
  parents: readonly (readonly [Control, string])[],
  { pid, log, root = "/" }: WorkerGroupOptions,
): Promise<WorkerGroup | undefined> {
  const folders = new Map<Control, string>();
  for (const [control, parent] of parents) {
    const folder = join(parent, `${GROUP}-${pid}`);
    try {
      await removeStrays(parent, root);
      await mkdir(folder);
      if (await settle(control, folder, 1)) folders.set(control, folder);
      else await rmdir(folder);
    } catch (error) {
      log.debug("worker_group_refused", { control, error: String(error) });
    }
  }
  return folders.size === 0 ? undefined : createGroup(folders, 1, log);
}

async function openV2(
  path: string,
  { pid, log, wanted = CONTROLS }: WorkerGroupOptions,
  root: string,
): Promise<WorkerGroup | undefined> {
  for (const mount of MOUNTS_V2) {
    const parent = join(root, mount, path);
    const there = (await textOf(join(parent, "cgroup.controllers")))?.trim().split(" ");
    const controls = wanted.filter((control) => there?.includes(control));
    if (controls.length === 0) continue;
    const members = (await textOf(join(parent, "cgroup.procs")))?.trim().split("\n");
    if (members?.length !== 1 || members[0] !== String(pid)) return undefined; // a shell's group, or a pod's
    const agent = join(parent, "pingo-agent");
    await mkdir(agent, { recursive: true });
    await writeFile(join(agent, "cgroup.procs"), String(pid));
    await writeFile(
      join(parent, "cgroup.subtree_control"),
      controls.map((control) => `+${control}`).join(" "),
    );
    await removeStrays(parent, root);
    const folder = join(parent, `${GROUP}-${pid}`);
    await mkdir(folder);
    const folders = new Map<Control, string>();
    for (const control of controls) if (await settle(control, folder, 2)) folders.set(control, folder);
    return createGroup(folders, 2, log);
  }
  return undefined;
}

/** False where the kernel has no idle groups (before Linux 5.15): one of the usual weight would be worse than none. */
async function settle(control: Control, folder: string, version: 1 | 2): Promise<boolean> {
  if (control === "cpu") {
    try {
      await writeFile(join(folder, "cpu.idle"), "1", { flag: "r+" });
      return true;
    } catch {
      return false;
    }
  }
  const [file, value] = NO_SWAP[version];
  await writeFile(join(folder, file), value).catch(() => undefined); // a kernel without swap accounting: nothing to forbid
  return true;
}

function createGroup(folders: ReadonlyMap<Control, string>, version: 1 | 2, log: Log): WorkerGroup {
  const [memory, cpu] = [folders.get("memory"), folders.get("cpu")];
  const distinct = [...new Set(folders.values())];
  log.info("worker_group", { version, controls: [...folders.keys()].join(" "), folders: distinct.join(" ") });
  return {
    version,
    controls: new Set(folders.keys()),
    async add(pid) {
      for (const folder of distinct) {
        try {
          await writeFile(join(folder, "cgroup.procs"), String(pid));
        } catch (error) {
          log.warn("worker_group_missed", { pid, folder, error: String(error) }); // it has just ended, or its own limits must do
        }
      }
    },
    lift: cpu === undefined ? () => ({ [Symbol.dispose]: () => undefined }) : createLift(cpu, version, log),
    async limit(bytes) {
      if (memory !== undefined) await writeFile(join(memory, LIMIT[version]), String(bytes));
    },
    async [Symbol.asyncDispose]() {
      // A worker may still be ending: the next start removes what stays.
      for (const folder of distinct) await rmdir(folder).catch(() => undefined);
    },
  };
}

/**
 * Lifts the workers' group, and the agent's own above it where that is idle as a whole, as a systemd unit is with
 * CPUWeight=idle: below it nothing is let on a core that others take.
 *
 * Each write waits for the one before: lifted and let down at once, they are idle in the end.
 */
function createLift(folder: string, version: 1 | 2, log: Log): () => Disposable {
  const parent = dirname(folder);
  let lifts = 0;
  let idle: readonly string[] = [];
  let written = Promise.resolve();
  const soon = (change: () => Promise<void>): void => {
    written = written
      .then(change)
      .catch((error: unknown) => log.warn("worker_group_weight", { folder, error: String(error) }));
  };
  const lift = async (): Promise<void> => {
    const isParentIdle = (await textOf(join(parent, "cpu.idle")))?.trim() === "1";
    idle = isParentIdle ? [folder, parent] : [folder];
    const [file, value] = WEIGHT[version];
    for (const group of idle) {
      await writeFile(join(group, "cpu.idle"), "0"); // an idle group takes no weight
      await writeFile(join(group, file), value);
    }
  };
  const lower = async (): Promise<void> => {
    for (const group of idle) await writeFile(join(group, "cpu.idle"), "1");
  };
  return () => {
    lifts += 1;
    if (lifts === 1) soon(lift);
    return {
      [Symbol.dispose]() {
        lifts -= 1;
        if (lifts === 0) soon(lower);
      },
    };
  };
}

/** Of agents that were killed: the name ends with the agent's process id. One with processes in it cannot be removed. */
async function removeStrays(parent: string, root: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(`${GROUP}-`)) continue;
    const isAlive = (await textOf(join(root, "proc", name.slice(GROUP.length + 1), "stat"))) !== undefined;
    if (!isAlive) await rmdir(join(parent, name)).catch(() => undefined);
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined; // not this kind of system
  }
}
