/**
 * Where the control groups that hold this process have their files: its own first, up to the root, since a limit of any of
 * them holds. A container often sees its own group as the root, under the path that it has outside.
 * SOURCE: cgroups(7), /proc/PID/cgroup; Documentation/admin-guide/cgroup-v2.rst
 */

export interface GroupFolders {
  /** Of version 2; empty where this process is in no such group. */
  readonly v2: readonly string[];
  /** Of the hierarchy of version 1 that has this controller. */
  readonly v1: readonly string[];
}

/** @param text  /proc/self/cgroup */
export function groupFolders(text: string, controller: "cpu" | "memory"): GroupFolders {
  const v2 = /^0::(\/.*)$/m.exec(text)?.[1];
  const v1 = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(/.*)$`, "m").exec(text)?.[1];
  return {
    v2: v2 === undefined ? [] : upFrom("sys/fs/cgroup", v2),
    v1: v1 === undefined ? [] : upFrom(`sys/fs/cgroup/${controller}`, v1),
  };
}

function upFrom(root: string, path: string): readonly string[] {
  const names = path.split("/").filter((name) => name !== "");
  return [...names.keys(), names.length]
    .map((count) => [root, ...names.slice(0, count)].join("/"))
    .toReversed();
}
