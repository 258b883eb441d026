/** Bundles the page with Vite. Names of its files hold hashes of what is in them, so browsers may keep them for ever. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { build } from "vite";

const PAGE = fileURLToPath(new URL("./page/", import.meta.url));
const WASM = createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm");
/** Of its digest: enough to tell versions apart. */
const HASH_CHARS = 12;
const COMPRESSED_BYTES_MIN = 1_024;

/** @param folder  taken away first, whatever it held */
export async function buildPage(folder: string): Promise<void> {
  const wasm = await readFile(WASM);
  const wasmName = `ort-${createHash("sha256").update(wasm).digest("hex").slice(0, HASH_CHARS)}.wasm`;
  const files = new Map<string, Uint8Array>([[wasmName, wasm], ...(await bundle(wasmName))]);
  // Whole or not at all: a fog node may be about to read it.
  const beside = `${folder}.${process.pid}.tmp`;
  for (const [name, bytes] of files) {
    const path = join(beside, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    if (bytes.byteLength < COMPRESSED_BYTES_MIN) continue;
    await writeFile(`${path}.gz`, await promisify(gzip)(bytes));
  }
  await rm(folder, { recursive: true, force: true });
  await rename(beside, folder);
}

async function bundle(wasmName: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const built = await build({
    root: PAGE,
    // Relative: the page is served below a path of the fog node's.
    base: "./",
    configFile: false,
    logLevel: "error",
    define: { WASM_NAME: JSON.stringify(wasmName) },
    worker: { format: "es" },
    build: { write: false, target: "es2024", modulePreload: false, assetsInlineLimit: 0 },
  });
  const outputs = [built].flat().flatMap((one) => ("output" in one ? one.output : []));
  const bytesOf = (source: string | Uint8Array): Uint8Array =>
    typeof source === "string" ? new TextEncoder().encode(source) : source;
  return new Map(
    // The engine's own copy of its WebAssembly would never be asked for: it is handed ours.
    outputs
      .filter(({ fileName }) => !fileName.endsWith(".wasm"))
      .map((file) => [file.fileName, bytesOf(file.type === "chunk" ? file.code : file.source)]),
  );
}
