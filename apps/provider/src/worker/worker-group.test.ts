import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openWorkerGroup } from "./worker-group.ts";

const PID = 4711;
let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "pingo-groups-"));
});
afterEach(() => rm(root, { recursive: true }));

/** Files as the kernel would show them. */
async function files(contents: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(contents)) {
    await mkdir(join(root, path, ".."), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
const read = (path: string) => readFile(join(root, path), "utf8");
const open = () => openWorkerGroup({ pid: PID, log: silentLog, root });

const SERVICE = "sys/fs/cgroup/user.slice/pingo.service";
const delegated = (members: string) => ({
  [`proc/${PID}/cgroup`]: "0::/user.slice/pingo.service\n",
  [`${SERVICE}/cgroup.controllers`]: "cpu memory\n",
  [`${SERVICE}/cgroup.procs`]: members,
});

test("version 2, delegated: the agent steps aside, and workers get a group with the limit and no swap", async () => {
  await files(delegated(`${PID}\n`));
  const group = await open();
  expect(group?.version).toBe(2);
  await group?.limit(2 ** 30);
  await group?.add(99);
  const workers = `${SERVICE}/pingo-workers-${PID}`;
  expect(await read(`${SERVICE}/pingo-agent/cgroup.procs`)).toBe(String(PID));
  expect(await read(`${SERVICE}/cgroup.subtree_control`)).toBe("+memory +cpu");
  // The kernel makes cpu.idle with a group, and these files are not the kernel's.
  expect(group?.controls).toEqual(new Set(["memory"]));
  expect(await read(`${workers}/memory.max`)).toBe(String(2 ** 30));
  expect(await read(`${workers}/memory.swap.max`)).toBe("0");
  expect(await read(`${workers}/cgroup.procs`)).toBe("99");
});

test("a group that others are in too is not ours to divide: a terminal's, or a pod's", async () => {
  await files(delegated(`1\n${PID}\n`));
  expect(await open()).toBeUndefined();
  expect(await readdir(join(root, SERVICE))).toEqual(["cgroup.controllers", "cgroup.procs"]);
});

test("version 2 without either controller, and a system without groups, give none", async () => {
  await files({ ...delegated(`${PID}\n`), [`${SERVICE}/cgroup.controllers`]: "pids\n" });
  expect(await open()).toBeUndefined();
  await rm(join(root, "proc"), { recursive: true });
  expect(await open()).toBeUndefined();
});

test("version 1: a group below our own, and what killed agents left is removed", async () => {
  await files({ [`proc/${PID}/cgroup`]: "4:memory:/box\n0::/\n" });
  const box = "sys/fs/cgroup/memory/box";
  for (const left of ["pingo-workers-1", "pingo-workers-2"]) {
    await mkdir(join(root, box, left), { recursive: true });
  }
  await files({ "proc/2/stat": "2 (node) S" }); // an agent of another home, whose workers may come
  const group = await open();
  expect(group?.version).toBe(1);
  await group?.limit(2 ** 29);
  expect((await readdir(join(root, box))).toSorted()).toEqual(["pingo-workers-2", `pingo-workers-${PID}`]);
  expect(await read(`${box}/pingo-workers-${PID}/memory.limit_in_bytes`)).toBe(String(2 ** 29));
});
