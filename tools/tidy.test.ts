import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { tidy } from "./tidy.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function misfitsOf(files: Readonly<Record<string, string>>): readonly string[] {
  const root = mkdtempSync(join(tmpdir(), "pingo-tidy-"));
  folders.push(root);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return tidy(root, Object.keys(files));
}

const manifest = (name: string, dependencies: Readonly<Record<string, string>> = {}): string =>
  JSON.stringify({ name, dependencies });

const CORE = {
  "packages/core/package.json": manifest("@pingo/core"),
  "packages/core/src/index.ts": "export const one = 1;\n",
};

describe("tidy finds", () => {
  test("nothing in a tree that is in order", () => {
    expect(
      misfitsOf({
        ...CORE,
        "packages/storage/package.json": manifest("@pingo/storage", { "@pingo/core": "0.1.0" }),
        "packages/storage/src/index.ts": 'import { one } from "@pingo/core";\nexport const two = one + 1;\n',
      }),
    ).toEqual([]);
  });

  test.each([
    ["an upward import", 'import { plan } from "@pingo/scheduler";', "a higher layer"],
    ["a clock in a pure package", "export const now = () => Date.now();", "reads a clock"],
    ["chance in a pure package", "export const dice = () => Math.random();", "draws chance"],
    ["a timer in a pure package", "setTimeout(() => undefined, 1);", "sets a timer"],
    ["a file read in a pure package", 'import { open } from "node:fs";', "imports node:fs"],
    [
      "the environment read outside config.ts",
      "export const home = process.env.HOME;",
      "reads the environment",
    ],
    ["the environment taken out of the process", "const { env } = process;", "touches the process"],
    ["the process under another name", "const machine = process;", "touches the process"],
    [
      "the process by way of the global",
      "export const { env: e } = globalThis.process;",
      "touches the process",
    ],
    ["a part of the process by its name", 'export const home = process["env"].HOME;', "touches the process"],
    [
      "a reach into another room",
      'import { x } from "../../scheduler/src/x.ts";',
      "reaches into another room",
    ],
    ["an import past a door", 'import { x } from "@pingo/scheduler/src/x.ts";', "imports past the door"],
  ])("%s", (_, source, expected) => {
    const misfits = misfitsOf({
      ...CORE,
      "packages/scheduler/package.json": manifest("@pingo/scheduler"),
      "packages/scheduler/src/index.ts": "export const plan = 1;\n",
      "packages/core/src/offender.ts": `${source}\n`,
    });
    expect(misfits.join("\n")).toContain(expected);
  });

  test.each([
    "const { env } = process;",
    "const { argv, env: settings } = process;",
    "const { env } = globalThis.process;",
    'const home = process["env"].HOME;',
    "const home = process?.env.HOME;",
    'import { env } from "node:process";',
  ])("the environment in a package that is not pure: %s", (source) => {
    const misfits = misfitsOf({
      "packages/storage/package.json": manifest("@pingo/storage"),
      "packages/storage/src/index.ts": `${source}\n`,
    });
    expect(misfits).toEqual([expect.stringContaining("reads the environment")]);
  });

  test("siblings that import each other, in the manifest and in the source", () => {
    const misfits = misfitsOf({
      "packages/storage/package.json": manifest("@pingo/storage", { "@pingo/network": "0.1.0" }),
      "packages/storage/src/index.ts": 'export { host } from "@pingo/network";\n',
      "packages/network/package.json": manifest("@pingo/network"),
      "packages/network/src/index.ts": "export const host = 1;\n",
    });
    expect(misfits.filter((misfit) => misfit.includes("a sibling"))).toHaveLength(2);
  });

  test("a version range, a star export, an oversized source, an empty room, a room without a layer", () => {
    const misfits = misfitsOf({
      "packages/core/package.json": manifest("@pingo/core", { zod: "^4.0.0" }),
      "packages/core/src/index.ts": `export * from "./long.ts";\n`,
      "packages/core/src/long.ts": "// line\n".repeat(451),
      "packages/storage/package.json": manifest("@pingo/storage"),
      "packages/other/package.json": manifest("@pingo/other"),
      "packages/other/src/index.ts": "export const other = 1;\n",
    }).join("\n");
    for (const expected of [
      "pin an exact version",
      "export *",
      "two nouns",
      "without code",
      "has no layer",
    ]) {
      expect(misfits).toContain(expected);
    }
  });

  test("a lockfile that lacks a platform's package", () => {
    const packages = (names: readonly string[]): string =>
      JSON.stringify({
        packages: Object.fromEntries([
          ["node_modules/tool", { optionalDependencies: { "@tool/linux": "1.0.0", "@tool/mac": "1.0.0" } }],
          ...names.map((name) => [`node_modules/${name}`, {}]),
        ]),
      });
    expect(misfitsOf({ ...CORE, "package-lock.json": packages(["@tool/linux", "@tool/mac"]) })).toEqual([]);
    expect(misfitsOf({ ...CORE, "package-lock.json": packages(["@tool/linux"]) }).join()).toContain(
      "@tool/mac",
    );
  });

  test("no fault in words inside comments and no fault in tests", () => {
    expect(
      misfitsOf({
        ...CORE,
        "packages/core/src/quiet.ts": "/** never Date.now() */\nexport const a = 1; // nor Math.random()\n",
        "packages/core/src/quiet.test.ts": "const started = Date.now();\n",
      }),
    ).toEqual([]);
  });
});
