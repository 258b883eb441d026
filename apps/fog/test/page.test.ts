/** The page that lends as a fog node serves it, and who may read its blocks. */
import { mkdir, mkdtemp, rm, writeFile as writeFileOnDisk } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { parseShape, zFogNodeView } from "@pingo/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FogProcess, failToStart, makePlace, startFog } from "./fog-process.ts";
import { blocksOf } from "./tiny-job.ts";

const SCRIPT = "console.log('a page of more than nothing');\n".repeat(64);
const parts = new AsyncDisposableStack();
let fog: FogProcess;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-page-"));
  parts.defer(() => rm(folder, { recursive: true, force: true }));
  const page = join(folder, "page");
  await mkdir(join(page, "assets"), { recursive: true });
  await writeFileOnDisk(join(folder, "secret.txt"), "not for anyone");
  await writeFileOnDisk(join(page, "index.html"), "<!doctype html><title>lend</title>");
  await writeFileOnDisk(join(page, "assets", "main.js"), SCRIPT);
  await writeFileOnDisk(join(page, "assets", "main.js.gz"), gzipSync(SCRIPT));
  const web = { PINGO_FOG_WEB: "/ip4/127.0.0.1/tcp/0/ws", PINGO_FOG_PAGE: page };
  fog = parts.use(await startFog(parts.use(await makePlace(web))));
});
afterAll(() => parts.disposeAsync());

test("it says where pages lend and what they dial, apart from what processes dial", async () => {
  const view = parseShape(zFogNodeView, await (await fetch(`${fog.url}/v1/node`)).json(), "the node");
  expect(view.web?.pageUrl).toBe(`${fog.url}/lend/`);
  expect(view.web?.addresses).toEqual([expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/ws\/p2p\//)]);
  expect(view.addresses).toEqual([expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//)]);
});

test("the page's files are served with a policy, compressed for who takes it", async () => {
  const index = await fetch(`${fog.url}/lend`);
  expect(index.url).toBe(`${fog.url}/lend/`);
  expect(await index.text()).toContain("<title>lend</title>");
  expect(index.headers.get("cache-control")).toBe("no-cache");
  expect(index.headers.get("content-security-policy")).toContain("default-src 'none'");
  const script = await fetch(`${fog.url}/lend/assets/main.js`, {
    headers: { "accept-encoding": "identity" },
  });
  expect(script.headers.get("content-encoding")).toBeNull();
  expect(script.headers.get("cache-control")).toContain("immutable");
  expect(await script.text()).toBe(SCRIPT);
  const zipped = await fetch(`${fog.url}/lend/assets/main.js`, { headers: { "accept-encoding": "gzip" } });
  expect(zipped.headers.get("content-encoding")).toBe("gzip");
  expect(Number(zipped.headers.get("content-length"))).toBe(gzipSync(SCRIPT).byteLength);
  expect(gunzipSync(gzipSync(await zipped.text())).toString()).toBe(SCRIPT);
});

test.each([
  "/lend/../secret.txt",
  "/lend/%2e%2e/secret.txt",
  "/lend/..%2fsecret.txt",
  "/lend/assets/main.js.gz",
  "/lend/assets",
  "/lend//etc/passwd",
])("nothing but the page's own files is there: %s", async (path) => {
  const answer = await fetch(`${fog.url}${path}`);
  expect(answer.status).toBe(404);
  expect(await answer.text()).not.toContain("not for anyone");
});

test("a page from elsewhere may read blocks and may not write them", async () => {
  const cid = await blocksOf(fog.url).put(Uint8Array.of(1, 2, 3));
  const headers = { origin: "https://elsewhere.example" };
  const read = await fetch(`${fog.url}/ipfs/${cid}`, { headers });
  expect(read.headers.get("access-control-allow-origin")).toBe("*");
  const asked = { ...headers, "access-control-request-method": "PUT" };
  const preflight = await fetch(`${fog.url}/ipfs/${cid}`, { method: "OPTIONS", headers: asked });
  expect(preflight.ok).toBe(false);
  expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
});

test("a folder without a page, or half of the two settings, is refused with what to do", async () => {
  const env = async (more: Readonly<Record<string, string>>) => parts.use(await makePlace(more)).env;
  const web = { PINGO_FOG_WEB: "/ip4/127.0.0.1/tcp/0/ws" };
  const missing = await failToStart(await env({ ...web, PINGO_FOG_PAGE: join(folder, "nowhere") }));
  expect(missing).toMatchObject({ code: "PAGE_MISSING", message: expect.stringContaining("nowhere") });
  expect(await failToStart(await env(web))).toMatchObject({ code: "SETTING_INVALID" });
  expect(await failToStart(await env({ PINGO_FOG_PAGE: folder }))).toMatchObject({ code: "SETTING_INVALID" });
  const tcp = { PINGO_FOG_WEB: "/ip4/127.0.0.1/tcp/0", PINGO_FOG_PAGE: folder };
  expect(await failToStart(await env(tcp))).toMatchObject({ code: "SETTING_INVALID" });
});
