import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPrng } from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openIdentity } from "./identity.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-identity-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("the key is made once, and only its owner may read it", async () => {
  const path = join(folder, "new", "user.key");
  const first = await openIdentity(path, systemPrng);
  const second = await openIdentity(path, createPrng(1));
  expect(second.nodeId).toBe(first.nodeId);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
});

test("many that open it at once get one key", async () => {
  const path = join(folder, "raced.key");
  const keys = await Promise.all([openIdentity(path, systemPrng), openIdentity(path, systemPrng)]);
  expect(new Set(keys.map(({ nodeId }) => nodeId)).size).toBe(1);
});

test("a file that holds no key is left alone and told", async () => {
  const path = join(folder, "bad.key");
  await writeFile(path, "secret");
  await expect(openIdentity(path, systemPrng)).rejects.toMatchObject({ code: "KEY_FILE_INVALID" });
  expect(await readFile(path, "utf8")).toBe("secret");
  await expect(openIdentity(folder, systemPrng)).rejects.toMatchObject({ code: "DISK_FAILED" });
});
