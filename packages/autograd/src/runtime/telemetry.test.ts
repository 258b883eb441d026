import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("./testing/train-once.ts", import.meta.url));

test.each(["thread", "here"])("ONNX Runtime leaves nothing in the user's home (trainer: %s)", (where) => {
  const home = mkdtempSync(join(tmpdir(), "pingo-home-"));
  try {
    execFileSync(process.execPath, [SCRIPT, where], { env: { PATH: process.env["PATH"], HOME: home } });
    expect(existsSync(join(home, ".cache"))).toBe(false);
    // With the telemetry it would, so the test can tell.
    const env = { PATH: process.env["PATH"], HOME: home, ORT_DISABLE_TELEMETRY: "0" };
    execFileSync(process.execPath, [SCRIPT, where], { env });
    expect(existsSync(join(home, ".cache"))).toBe(process.platform === "linux");
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
