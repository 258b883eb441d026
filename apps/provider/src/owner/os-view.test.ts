import { mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createOsView } from "./os-view.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "pingo-os-"));
});
afterEach(() => rm(root, { recursive: true }));

test("a file that is kept open is read anew each time, longer, shorter and empty", async () => {
  const os = createOsView({ root, environment: {} });
  for (const text of ["cpu 1 2 3\n", "x".repeat(100_000), "", "cpu 4\n"]) {
    await writeFile(join(root, "stat"), text);
    expect(os.textNow("stat")).toBe(text);
    expect(os.textNow("stat")).toBe(text);
  }
});

test("a file that is not there is null, and read once it is", async () => {
  const os = createOsView({ root, environment: {} });
  expect(os.textNow("stat")).toBeNull();
  await writeFile(join(root, "new"), "cpu 1\n");
  await rename(join(root, "new"), join(root, "stat"));
  expect(os.textNow("stat")).toBe("cpu 1\n");
  expect(os.textNow(".")).toBeNull();
});

test("a process that ended is null", () => {
  const os = createOsView({ root: "/", environment: {} });
  expect(os.textNow(`proc/${process.pid}/stat`)).toContain(String(process.pid));
  expect(os.textNow("proc/4194999/stat")).toBeNull(); // above the highest number that Linux gives
});

test.runIf(process.platform === "linux")(
  "of more files than it keeps, each is read, and no more are open",
  async () => {
    const os = createOsView({ root, environment: {} });
    const names = Array.from({ length: 600 }, (_, i) => `${i}`);
    for (const name of names) await writeFile(join(root, name), `text ${name}`);
    const before = (await readdir("/proc/self/fd")).length;
    for (const name of [...names, ...names]) expect(os.textNow(name)).toBe(`text ${name}`);
    expect((await readdir("/proc/self/fd")).length - before).toBeLessThan(300);
  },
);
