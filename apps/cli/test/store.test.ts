/** `pingo store` against a real fog node, and against those who lie to it. */
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cid } from "@pingo/core";
import { systemClock, systemFetch } from "@pingo/core/system";
import { createHttpBlocks, importFolder } from "@pingo/storage";
import { createMemoryBlocks } from "@pingo/storage/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { expectRefused, pingo, type ServingFog, serveFog } from "./pingo.ts";

let root = "";
let fog: ServingFog;
/** Of one test. */
let folder = "";

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "pingo-store-"));
  fog = await serveFog(join(root, "home"));
});
afterAll(async () => {
  await fog?.[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, "test-"));
});

async function put(
  path: string,
): Promise<{ readonly cid: Cid; readonly files: number; readonly sizeBytes: number }> {
  const { stdout, stderr, exitCode } = await pingo(["store", "put", path, "--json"], fog.env);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
}

async function makeTree(): Promise<string> {
  const tree = join(folder, "tree");
  await mkdir(join(tree, "inner", "empty"), { recursive: true });
  await writeFile(join(tree, "large.bin"), new Uint8Array(3_000_000).fill(5));
  await writeFile(join(tree, "inner", "note.txt"), "hello");
  return tree;
}

test("a file goes there and comes back, and nothing that is there is overwritten", async () => {
  const path = join(folder, "content.txt");
  await writeFile(path, "all that is said here is checked");
  const { cid, files, sizeBytes } = await put(path);
  expect({ files, sizeBytes }).toEqual({ files: 1, sizeBytes: 32 });
  const back = join(folder, "back.txt");
  const got = await pingo(["store", "get", cid, "--out", back], fog.env);
  expect(got).toEqual({ exitCode: 0, stdout: `${back}, 1 file, 32 B\n`, stderr: "" });
  expect(await readFile(back, "utf8")).toBe(await readFile(path, "utf8"));
  await writeFile(back, "mine");
  expectRefused(await pingo(["store", "get", cid, "--out", back], fog.env), "EXPORT_TARGET_EXISTS", [back]);
  expect(await readFile(back, "utf8")).toBe("mine");
});

test("a folder goes there and comes back with all that is in it", async () => {
  const tree = await makeTree();
  const { cid, files, sizeBytes } = await put(tree);
  expect({ files, sizeBytes }).toEqual({ files: 2, sizeBytes: 3_000_005 });
  const back = join(folder, "back");
  const { stdout } = await pingo(["store", "get", cid, "--out", back, "--json"], fog.env);
  expect(JSON.parse(stdout)).toEqual({ path: back, files: 2, sizeBytes: 3_000_005 });
  expect((await readdir(back, { recursive: true })).sort()).toEqual(
    (await readdir(tree, { recursive: true })).sort(),
  );
  expect(await readFile(join(back, "large.bin"))).toEqual(await readFile(join(tree, "large.bin")));
  expect((await put(back)).cid).toBe(cid);
});

test("a link inside a folder is refused before anything is sent; one that the user names is followed", async () => {
  const tree = await makeTree();
  const named = join(folder, "named");
  await symlink(tree, named);
  const { cid } = await put(named);
  expect((await put(tree)).cid).toBe(cid);
  const secret = join(tree, "inner", "secret");
  await symlink("/etc/passwd", secret);
  const ran = await pingo(["store", "put", tree], fog.env);
  expectRefused(ran, "ENTRY_REFUSED", [secret, "a symbolic link"]);
});

/** A folder with one file, whose name a stranger wrote into the block. */
async function hostileFolder(name: string): Promise<Cid> {
  const tree = join(folder, `made-${name.length}`);
  const harmless = "N".repeat(name.length);
  await mkdir(tree, { recursive: true });
  await writeFile(join(tree, harmless), "gotcha");
  const blocks = createMemoryBlocks();
  const block = Buffer.from(await blocks.get(await importFolder(blocks, tree)));
  block.write(name, block.indexOf(harmless), "latin1");
  const remote = createHttpBlocks({ baseUrl: fog.url, fetch: systemFetch, clock: systemClock });
  await importFolder(remote, tree);
  return remote.put(new Uint8Array(block), "dagPb");
}

// The whole list of names is the storage room's own test.
test.each(["../up", "..", "/tmp/pingo-gotcha"])(
  "an entry that a stranger named %j leaves the target alone",
  async (name) => {
    const cid = await hostileFolder(name);
    const inside = join(folder, "here");
    const ran = await pingo(["store", "get", cid, "--out", join(inside, "target")], fog.env);
    expectRefused(ran, "NAME_REFUSED", [cid]);
    expect(await readdir(inside)).toEqual([]);
    expect((await readdir(folder)).filter((entry) => !entry.startsWith("made-"))).toEqual(["here"]);
  },
);

test("a block that was altered or cut short is refused by its hash, and no file is written", async () => {
  const path = join(folder, "content.txt");
  await writeFile(path, "all that is said here is checked");
  const { cid } = await put(path);
  for (const bad of ["all that is said here is chucked", "all that"]) {
    const liar = createServer(async ({ url = "" }, response) => {
      response.end(url.startsWith("/ipfs/") ? bad : await (await fetch(`${fog.url}${url}`)).text());
    }).listen(0, "127.0.0.1");
    await once(liar, "listening");
    const from = { ...fog.env, PINGO_FOG: `http://127.0.0.1:${portOf(liar)}` };
    const ran = await pingo(["store", "get", cid, "--out", join(folder, "spoilt.txt")], from);
    liar.close();
    expectRefused(ran, "BLOCK_ALTERED", [cid]);
    expect(await readdir(folder)).toEqual(["content.txt"]);
  }
});

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

test("what the fog node does not have is named", async () => {
  const blocks = createMemoryBlocks();
  const cid = await blocks.put(new TextEncoder().encode("nobody stored this"));
  const ran = await pingo(["store", "get", cid, "--out", join(folder, "x")], fog.env);
  expectRefused(ran, "BLOCK_NOT_FOUND", [cid]);
  expect(await readdir(folder)).toEqual([]);
});
