import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
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

test("a desktop that began after the agent is found, and found anew once the one that was known is gone", async () => {
  const bin = join(root, "bin");
  await mkdir(bin);
  const script = (name: string, lines: string) =>
    writeFile(join(bin, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  const asked = join(root, "asked");
  const desktopIs = (display: string) =>
    script(
      "systemctl",
      `[ "$*" = "--user show-environment" ] || exit 1\necho x >> '${asked}'\necho LANG=C\n${display}`,
    );
  await desktopIs("");
  await script("xprop", '[ -n "$DISPLAY" ] && [ "$DISPLAY" != ":gone" ] && printf "%s" "$DISPLAY"');
  const os = createOsView({ root, environment: { PATH: bin } });
  expect(await os.run("xprop", [])).toBeNull();
  await desktopIs("echo DISPLAY=:1");
  expect(await os.run("xprop", [])).toBe(":1");
  await desktopIs("echo DISPLAY=:2");
  expect(await os.run("xprop", [])).toBe(":1"); // asked once for as long as it answers
  expect((await readFile(asked, "utf8")).split("\n")).toHaveLength(3);
  const left = createOsView({ root, environment: { PATH: bin, DISPLAY: ":gone" } });
  expect(await left.run("xprop", [])).toBeNull();
  expect(await left.run("xprop", [])).toBe(":2");
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
