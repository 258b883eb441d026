import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { serviceUnit, UNIT_NAME } from "./service-unit.ts";

const canVerify = spawnSync("systemd-analyze", ["--version"]).status === 0;
const UNIT = serviceUnit({
  command: [process.execPath, "/opt/my programs/pingo 100%/main.ts", "--cost=$5"],
  environment: {
    PINGO_FOG: "http://10.0.0.5:4710",
    PINGO_HOME: "/home/ada/.pin go",
    PINGO_PROVIDER_DIR: "/home/$ada/100%",
  },
});

test("its group weighs nothing, on processor and disk", () => {
  expect(UNIT).toContain("\nCPUWeight=idle\n");
  expect(UNIT).toContain("\nIOSchedulingClass=idle\n");
});

test("words with spaces, percents and dollars reach the program as they are", () => {
  expect(UNIT).toContain(`"/opt/my programs/pingo 100%%/main.ts" "--cost=$$5"`);
  expect(UNIT).toContain('Environment="PINGO_HOME=/home/ada/.pin go"');
  // No variables there, so a "$" is one.
  expect(UNIT).toContain('Environment="PINGO_PROVIDER_DIR=/home/$ada/100%%"');
});

test.skipIf(!canVerify)("systemd finds no fault in it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pingo-unit-"));
  try {
    await writeFile(join(folder, UNIT_NAME), UNIT);
    const { stderr, stdout } = spawnSync("systemd-analyze", ["--user", "verify", join(folder, UNIT_NAME)], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], XDG_RUNTIME_DIR: folder },
    });
    const ours = `${stdout}${stderr}`.split("\n").filter((line) => line.includes(UNIT_NAME));
    expect(ours).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
