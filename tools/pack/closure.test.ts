import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { closureOf, type Lock } from "./closure.ts";

const LOCK: Lock = {
  packages: {
    "apps/one": { dependencies: { "@own/core": "1", a: "1" } },
    "packages/core": { dependencies: { b: "1" } },
    "node_modules/@own/core": { link: true, resolved: "packages/core" },
    "node_modules/a": { dependencies: { b: "2" }, optionalDependencies: { "a-linux": "1", "a-other": "1" } },
    "node_modules/a/node_modules/b": {},
    "node_modules/a-linux": {},
    "node_modules/b": { peerDependencies: { a: "1" } },
    "node_modules/unused": {},
  },
};

test("what is needed and nothing else; a package finds its own copy first", () => {
  const { workspaces, installed, links } = closureOf(LOCK, ["apps/one"]);
  expect(workspaces).toEqual(["apps/one", "packages/core"]);
  expect(installed).toEqual([
    "node_modules/a",
    "node_modules/a-linux",
    "node_modules/a/node_modules/b",
    "node_modules/b",
  ]);
  expect([...links]).toEqual([["node_modules/@own/core", "packages/core"]]);
});

test("a dependency that the lockfile does not have is named", () => {
  const broken = { packages: { "apps/one": { dependencies: { ghost: "1" } } } };
  expect(() => closureOf(broken, ["apps/one"])).toThrow("apps/one needs ghost");
});

test("of this repository: no tool that only builds or tests it", () => {
  const lock: Lock = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"));
  const { installed, workspaces } = closureOf(lock, ["apps/cli", "apps/provider", "apps/fog"]);
  expect(workspaces).toContain("packages/autograd");
  expect(installed).toContain("node_modules/onnxruntime-node");
  for (const tool of ["vitest", "typescript", "knip", "fast-check", "@biomejs/biome"]) {
    expect(installed).not.toContain(`node_modules/${tool}`);
  }
});
