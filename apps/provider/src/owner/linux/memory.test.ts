import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { OsView } from "../os-view.ts";
import { type MemoryView, readMemory } from "./memory.ts";

const MIB = 2 ** 20;
const TOTAL_KIB = 8_388_608;
const MEMINFO = `MemTotal: ${TOTAL_KIB} kB\nMemAvailable: ${TOTAL_KIB / 2} kB\n`;

/** A kernel with these files. */
function kernel(files: Readonly<Record<string, string>>): OsView {
  const textNow = (path: string) => files[path] ?? null;
  return {
    ...{ textNow, text: async (path) => textNow(path), names: async () => [], run: async () => null },
    readAtUnixMs: async () => null,
    converse: async () => null,
  };
}

test("the tightest limit on the way to the root is all there is, in either version", () => {
  const arbGroup = fc.record({
    limitMib: fc.option(fc.integer({ min: 1, max: 16_384 })),
    usedMib: fc.integer({ min: 0, max: 4_096 }),
    cachedMib: fc.integer({ min: 0, max: 4_096 }),
  });
  fc.assert(
    fc.property(
      fc.array(arbGroup, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(1, 2),
      fc.boolean(),
      (groups, version, isUnseen) => {
        const names = groups.slice(1).map((_, i) => `g${i}`);
        const root = version === 1 ? "sys/fs/cgroup/memory" : "sys/fs/cgroup";
        const line = version === 1 ? "4:memory:" : "0::";
        // A container names itself by a path that its own file system does not have.
        const files: Record<string, string> = {
          "proc/meminfo": MEMINFO,
          "proc/self/cgroup": `${line}/${isUnseen ? "docker/0a1b" : names.join("/")}\n`,
        };
        const seen = isUnseen ? groups.slice(0, 1) : groups;
        for (const [i, { limitMib, usedMib, cachedMib }] of seen.entries()) {
          const folder = [root, ...names.slice(0, i)].join("/");
          const unlimited = version === 1 ? "9223372036854771712" : "max";
          const limit = limitMib === null ? unlimited : String(limitMib * MIB);
          files[`${folder}/${version === 1 ? "memory.limit_in_bytes" : "memory.max"}`] = `${limit}\n`;
          files[`${folder}/${version === 1 ? "memory.usage_in_bytes" : "memory.current"}`] =
            `${usedMib * MIB}`;
          const cached = version === 1 ? "total_inactive_file" : "inactive_file";
          files[`${folder}/memory.stat`] = `anon 1\n${cached} ${cachedMib * MIB}\n`;
        }
        const totalMib = TOTAL_KIB / 1_024;
        const tight = seen.flatMap((group) =>
          group.limitMib !== null && group.limitMib < totalMib ? { ...group, limitMib: group.limitMib } : [],
        );
        const left = tight.map(({ limitMib, usedMib, cachedMib }) =>
          Math.max(0, limitMib - Math.max(0, usedMib - cachedMib)),
        );
        expect(readMemory(kernel(files))).toEqual({
          totalBytes: Math.min(totalMib, ...tight.map(({ limitMib }) => limitMib)) * MIB,
          availableBytes: Math.min(totalMib / 2, ...left) * MIB,
          stallShare: null,
        });
      },
    ),
  );
});

test("a unit that is slowed down from some point on has no more to spare, and as much as ever", () => {
  const memory = readMemory(
    kernel({
      "proc/meminfo": MEMINFO,
      "proc/self/cgroup": "0::/unit/pingo-agent\n",
      "sys/fs/cgroup/unit/memory.max": "max\n",
      "sys/fs/cgroup/unit/memory.high": `${100 * MIB}\n`,
    }),
  );
  expect(memory).toMatchObject({ totalBytes: TOTAL_KIB * 1_024, availableBytes: 100 * MIB });
});

const TELLS = `
import { readMemory } from ${JSON.stringify(fileURLToPath(new URL("./memory.ts", import.meta.url)))};
import { createOsView } from ${JSON.stringify(fileURLToPath(new URL("../os-view.ts", import.meta.url)))};
process.stdin.on("data", () => {
  console.log(JSON.stringify(readMemory(createOsView({ root: "/", environment: {} }))));
  process.exit();
});
`;

test("a process two groups below a real limit has no more than that", async (context) => {
  const own = execFileSync("cat", ["/proc/self/cgroup"], { encoding: "utf8" });
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(own)?.[1];
  const v2 = /^0::(.*)$/m.exec(own)?.[1] ?? "";
  const parent = v1 === undefined ? `/sys/fs/cgroup${v2}` : `/sys/fs/cgroup/memory${v1}`;
  const limited = join(parent, `pingo-test-${process.pid}`);
  const inner = join(limited, "job");
  const file = v1 === undefined ? "memory.max" : "memory.limit_in_bytes";
  try {
    await mkdir(inner, { recursive: true });
    await writeFile(join(limited, file), String(700 * MIB), { flag: "r+" });
  } catch {
    await rmdir(inner).catch(() => undefined);
    await rmdir(limited).catch(() => undefined);
    return context.skip("this system lets us make no control group for memory");
  }
  const folder = await mkdtemp(join(tmpdir(), "pingo-memory-"));
  try {
    const script = join(folder, "tell.ts");
    await writeFile(script, TELLS);
    const child = spawn(process.execPath, [script], {
      cwd: dirname(script),
      stdio: ["pipe", "pipe", "inherit"],
    });
    await writeFile(join(inner, "cgroup.procs"), String(child.pid));
    child.stdin.end("now");
    const [told]: unknown[] = await once(child.stdout, "data");
    const memory: MemoryView = JSON.parse(String(told));
    await once(child, "exit");
    expect(memory.totalBytes).toBe(700 * MIB);
    expect(memory.availableBytes).toBeLessThanOrEqual(700 * MIB);
    expect(memory.availableBytes).toBeGreaterThan(400 * MIB);
  } finally {
    await rm(folder, { recursive: true });
    await rmdir(inner);
    await rmdir(limited);
  }
});
